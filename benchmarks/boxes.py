"""openfield_boxes: black mice from straight above, their outlines, and what the fit gets of them.

Three labels (snout, head, tail base) leave the roll of a body about its axis free, and one view
leaves its distance free. Both are known here: the mouse walks on a floor at a known distance from
a camera that looks straight down, and the middle and the edges of its outline at three places
along the trunk say where its back and flanks are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from common import CannotMeasure
from numpy.typing import NDArray
from skimage.graph import route_through_array

from mousepose import FitConfig, Scale, load_keypoints, reconstruct
from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.model import BodyModel
from mousepose.geometry.camera import Camera, pinhole
from mousepose.types import Floats, Ints, Keypoints2D, PoseSequence

Mask = NDArray[np.bool_]
#: The recordings by mouse: from these girths may be learned, the others only judge.
LEARNED = ("2_D1", "2_D3", "4_D3", "7_D1")
HELD_OUT = ("1_D3", "3_D3", "5_D3")
#: px; the tail is thinner than what this opens away, the trunk is not.
OPENING = 13
#: Places from snout (0) to tail base (1) at which the half width is measured.
PLACES = np.linspace(0.0, 1.0, 41)
_LABELS = ("NOSE", "HEAD", "TAIL")
_MARKS_FILE = Path(__file__).with_name("boxes_marks.toml")
#: The marks on the midline and at the flanks, and where on the way from snout to tail base.
_TRUNK = {"M1": 0.34, "M2": 0.59, "M3": 0.86}
_FLANKS = {"M1": ("L1", "R1"), "M2": ("L2", "R2"), "M3": ("L3", "R3")}
#: mm: how far the floor is, and how high above it the middle of the mouse.
_FLOOR, _MIDDLE = 700.0, 20.0
#: How long from snout to tail base a mouse is that stretches, as a share of its bones' lengths.
_STRETCHED = 0.99
_TAIL = ("MID_TAIL", "TIP_TAIL")
#: Grey values: fur is darker than the first, fur and its blurred rim than the second.
_FUR, _RIM = 46, 62
#: Where more of the inside of an outline is no fur, a shadow of the wall hangs on it.
_MOST_SHADOW = 0.07
_UP = 2  # the masks are followed on pixels of half the size


@dataclass(frozen=True, eq=False)
class Outline:
    """A mouse in one image: its `mask`, the ridge from snout to tail base and its half widths.

    `ridge` (41, 2) px at even places, `half` (41,) px, `length` px of the ridge.
    """

    mask: Mask
    ridge: Floats
    half: Floats
    length: float


@dataclass(frozen=True, eq=False)
class Recording:
    """The frames of one recording that show a whole mouse without a shadow."""

    name: str
    images: list[NDArray[np.uint8]]
    labels: Floats
    outlines: list[Outline]

    @property
    def stretched(self) -> float:
        """Return the length px of the mouse when it stretches: the 90 % quantile."""
        return float(np.quantile([outline.length for outline in self.outlines], 0.9))

    def camera(self, body: BodyModel) -> Camera:
        """Return a camera straight above a floor, so that a stretched mouse is as long as a body.

        One view does not tell the size of an animal from its distance: all are as large as `body`.
        """
        height, width = self.images[0].shape
        focal = self.stretched * (_FLOOR - _MIDDLE) / (_STRETCHED * body.body_length)
        return replace(pinhole((width, height), focal), floor_plane=np.array([0, 0, -1.0, _FLOOR]))

    def points(self) -> Keypoints2D:
        """Return the labels, the midline and the flanks as points to fit a body to."""
        rows = [_marks(*both) for both in zip(self.labels, self.outlines, strict=True)]
        names, xy = tuple(rows[0]), np.array([[*row.values()] for row in rows])[:, None]
        count = np.arange(len(rows))
        return Keypoints2D(xy, np.ones(xy.shape[:3]), count.astype(float), count, names)


def fitted(recording: Recording, body: BodyModel) -> PoseSequence:
    """Return a body laid on the points of a recording, frame by frame."""
    return reconstruct(
        recording.points(), (recording.camera(body),), body=body, scale=Scale.model(),
        keypoint_map=load_keypoint_map(_MARKS_FILE),
        config=FitConfig(temporal=False, animal_shape=False),
    )  # fmt: skip


def load_boxes(folder: Path, names: tuple[str, ...]) -> list[Recording]:
    """Return recordings by their names."""
    return [_load(folder / name) for name in names]


def outline_of(mask: Mask, snout: Floats, tail: Floats) -> Outline:
    """Return the ridge of the distance to the edge from snout to tail base (2,), and its height."""
    y, x = np.nonzero(mask)
    corners = np.array([[x.min(), y.min()], [x.max(), y.max()], snout, tail])
    low = np.maximum(corners.min(axis=0) - 3, 0).astype(int)
    high = (corners.max(axis=0) + 4).astype(int)
    cut = mask[low[1] : high[1], low[0] : high[0]].astype(np.uint8) * 255
    fine = cv2.resize(cut, None, fx=_UP, fy=_UP, interpolation=cv2.INTER_LINEAR) > 127
    away = cv2.distanceTransform(fine.astype(np.uint8), cv2.DIST_L2, 5) / _UP
    ends = [
        np.clip(np.round((p - low)[::-1] * _UP).astype(int), 0, np.array(away.shape) - 1)
        for p in (snout, tail)
    ]
    steps = np.array(route_through_array(1 / (away + 0.3) ** 2, *map(tuple, ends))[0])
    way = _evened(steps[:, ::-1] / _UP + low, 5 * _UP // 2)
    run = np.append(0, np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1)))
    at = PLACES * run[-1]
    ridge = np.stack([np.interp(at, run, way[:, axis]) for axis in (0, 1)], axis=1)
    return Outline(mask, ridge, np.interp(at, run, away[steps[:, 0], steps[:, 1]]), float(run[-1]))


def trunk_faces(body: BodyModel) -> Ints:
    """Return the faces (F, 3) of a body's skin that do not hang on the tail."""
    assert body.mesh is not None
    names = body.skeleton.joint_names
    tail = [names.index(name) for name in _TAIL if name in names]
    if not tail:  # the published tail hangs on the bone that ends at its root
        behind = (body.mesh.vertices - body.rest[names.index("ROOT_TAIL")]) @ body.axes[0]
        loose = behind < -4.0
    else:
        loose = body.mesh.weights[:, tail].sum(axis=1) > 0.5
    return np.asarray(body.mesh.faces[~loose[body.mesh.faces].any(axis=1)])


def opened(mask: Mask, size: int = OPENING) -> Mask:
    """Return the largest part of a mask without what is thin."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return _largest(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0)


def _load(folder: Path) -> Recording:
    keypoints = load_keypoints(folder / "CollectedData_X.csv", fps=1.0)
    missing = [name for name in _LABELS if name not in keypoints.keypoint_names]
    if missing:
        raise CannotMeasure(f"{folder}: no labels {', '.join(missing)}")
    columns = [keypoints.keypoint_names.index(name) for name in _LABELS]
    images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(folder.glob("*.png"))]
    if len(images) != len(keypoints.times):
        raise CannotMeasure(f"{folder}: {len(keypoints.times)} labels, {len(images)} images")
    kept = []
    for image, labels in zip(images, keypoints.xy[:, 0, columns], strict=True):
        mask = _mouse(image, labels) if np.isfinite(labels).all() else None
        if mask is not None:
            kept.append((image, labels, outline_of(mask, labels[0], labels[2])))
    if not kept:
        raise CannotMeasure(f"{folder}: no frame shows a mouse with all three labels")
    shown, known, outlines = zip(*kept, strict=True)
    return Recording(folder.name, list(shown), np.stack(known), list(outlines))


def _mouse(image: NDArray[np.uint8], labels: Floats) -> Mask | None:
    """Return the trunk and head of the mouse, None where a shadow cannot be told from it."""
    grey = cv2.GaussianBlur(image, (0, 0), 0.8)
    count, parts, stats, centres = cv2.connectedComponentsWithStats((grey < _RIM).astype(np.uint8))
    large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] > 300]
    if not large:
        return None
    middle = labels.mean(axis=0)
    dark = parts == min(large, key=lambda k: float(np.linalg.norm(centres[k] - middle)))
    near = cv2.dilate(opened(grey < _FUR, 5).astype(np.uint8), _round(11)) > 0
    whole = cv2.morphologyEx((dark & near).astype(np.uint8), cv2.MORPH_CLOSE, _round(9))
    edges, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    mask = opened(cv2.drawContours(np.zeros_like(whole), edges, -1, 1, -1) > 0, 7)
    inside = cv2.erode(mask.astype(np.uint8), _round(5)) > 0
    return mask if (grey[inside] > _FUR).mean() <= _MOST_SHADOW else None


def _marks(labels: Floats, outline: Outline) -> dict[str, Floats]:
    marks = dict(zip(_LABELS, labels, strict=True))
    along = np.gradient(outline.ridge, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    left = np.stack([-along[:, 1], along[:, 0]], axis=1)  # seen from above, y of an image is down
    for name, place in _TRUNK.items():
        k = int(np.argmin(np.abs(PLACES - place)))
        marks[name] = outline.ridge[k]
        for side, sign in zip(_FLANKS[name], (1, -1), strict=True):
            marks[side] = outline.ridge[k] + sign * outline.half[k] * left[k]
    return marks


def _largest(mask: Mask) -> Mask:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return np.asarray(parts == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def _evened(way: Floats, reach: int) -> Floats:
    """Return a way (N, 2), every point the mean of `reach` neighbours on either side."""
    padded = np.pad(way, ((reach, reach), (0, 0)), mode="edge")
    mean = np.ones(2 * reach + 1) / (2 * reach + 1)
    return np.stack([np.convolve(padded[:, axis], mean, "valid") for axis in (0, 1)], axis=1)


def _round(size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
