"""How wide real mice are beside a skin that never saw them: from outlines, kept in girths.toml.

The mice are labelled frames of black mice seen from above (openfield_boxes: XMWell/Open-Field-Test,
MIT License). A body is laid on the frames (`benchmarks/boxes.py`); at places from snout to tail
base the half width of the mouse is compared with that of the posed skin. Four recordings teach,
the other three are left to judge (`benchmarks/silhouettes.py`).
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.body.model import BodyModel
from mousepose.body.prior import load_prior
from mousepose.ct.anatomy.girth import Girths, shortening
from mousepose.geometry.raster import silhouette
from mousepose.sequence import pose_at
from mousepose.types import Floats, Pose

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

import boxes

TABLE = Path(__file__).with_name("girths.toml")
PLACES = np.linspace(0.0, 1.0, 11)
#: How much of the gain at rest is believed: on the bare tip of the snout nothing, on head and rump
#: half, for there a pixel (1.3 mm) counts for much, ears stick out, and fur ends in a brush.
TRUST = np.array([0.0, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5])
#: Where a shortened trunk grows wider: between shoulders and hips, most in the middle.
WIDENS = np.interp(PLACES, [0.2, 0.5, 0.8], [0.0, 1.0, 0.0])
#: How stiff the gains are along the body, and the log of width beyond which one counts less.
_SMOOTH, _ROBUST = 30.0, 0.08
_ROUNDS = 12
_POSES = 400


def measured(body: BodyModel, folder: Path) -> Girths:
    """Return how much wider the mice of the recordings are than the body's skin with its coat."""
    driver = trunk_driver(body)
    logs, shorter, animal = [], [], []
    for number, recording in enumerate(boxes.load_boxes(folder, boxes.LEARNED)):
        sequence, camera = boxes.fitted(recording, body), recording.camera(body)
        for frame, (labels, real) in enumerate(
            zip(recording.labels, recording.outlines, strict=True)
        ):
            if not np.isfinite(sequence.keypoints[frame]).any():
                continue
            pose = pose_at(sequence, frame)
            drawn = silhouette(body.vertices(pose, coat=True), boxes.trunk_faces(body), camera)
            own = boxes.outline_of(boxes.opened(drawn, 7), labels[0], labels[2])
            known = (real.half > 1.5) & (own.half > 1.5)
            ratio = np.where(known, real.half, np.nan) / np.where(known, own.half, np.nan)
            logs.append(np.log(ratio))
            shorter.append(float((driver * pose.joint_rotation).sum()))
            animal.append(number)
    rest, slope = _explained(np.array(logs), np.array(shorter), np.array(animal))
    return Girths(PLACES, TRUST * rest, slope * WIDENS)


def trunk_driver(body: BodyModel) -> Floats:
    """Return the driver (J, 3) of the trunk's shortening, over poses from rest to the prior's."""
    prior, random = load_prior(), np.random.default_rng(0)
    poses = []
    for _ in range(_POSES):
        turns = prior.mean * random.uniform(0, 1)
        turns = turns + prior.basis @ random.normal(0, 1, prior.basis.shape[-1])
        turns = np.clip(turns, body.limits[..., 0], body.limits[..., 1]) * [0, 1, 0]
        poses.append(Pose(np.zeros(3), np.zeros(3), turns, body.shape_space.mean))
    return shortening(body, poses)


def _explained(logs: Floats, shorter: Floats, animal: Floats) -> tuple[Floats, float]:
    """Return the gain (11,) at rest and the slope that explain logs (N, 41) of widths.

    Beside them every recording has its own girth. Least absolute residuals beyond 8 % by iterated
    weights; the gains are smooth along the body.
    """
    hats = np.maximum(0, 1 - np.abs(boxes.PLACES[:, None] - PLACES) / (PLACES[1] - PLACES[0]))
    frames, count = len(logs), int(animal.max()) + 1
    own = np.repeat(np.eye(count)[animal], len(boxes.PLACES), axis=0)
    widens = (shorter[:, None] * np.interp(boxes.PLACES, PLACES, WIDENS)).reshape(-1, 1)
    design = np.hstack([np.tile(hats, (frames, 1)), widens, own])
    seen = np.isfinite(logs).ravel()
    design, values = design[seen], logs.ravel()[seen]
    stiff = np.zeros((design.shape[1],) * 2)
    bends = np.diff(np.eye(len(PLACES)), 2, axis=0)
    stiff[: len(PLACES), : len(PLACES)] = _SMOOTH * bends.T @ bends
    stiff[len(PLACES) + 1 :, len(PLACES) + 1 :] = 10 * np.eye(count)
    found = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        weight = 1 / np.maximum(np.abs(values - design @ found) / _ROBUST, 1)
        weighted = design.T * weight
        found = np.linalg.solve(weighted @ design + stiff, weighted @ values)
    return found[: len(PLACES)], float(found[len(PLACES)])


def load_girths(path: Path = TABLE) -> Girths:
    """Return the girths of a file that `write_girths` wrote."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return Girths(*(np.array(table[key]) for key in ("places", "rest", "shortened")))


def write_girths(girths: Girths, path: Path = TABLE) -> None:
    """Write girths as a small table with their source."""
    lines = [
        "# Log of how much wider real mice are than the skin without this table, from snout (0) to",
        "# tail base (1): in any posture, and more per unit by which the trunk is shorter than at",
        "# rest. Measured in openfield_boxes (XMWell/Open-Field-Test, MIT License),",
        f"# recordings {', '.join(boxes.LEARNED)}.",
        *(
            f"{key} = [{', '.join(f'{value + 0.0:.3f}' for value in getattr(girths, key))}]"
            for key in ("places", "rest", "shortened")
        ),
    ]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
