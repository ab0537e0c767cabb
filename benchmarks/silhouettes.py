"""The posed skin against the outline of real mice: how much of them it covers.

    python benchmarks/silhouettes.py [--pictures DIR]

The pose is fitted to 2D points alone; then the skin is drawn and laid over the mouse that
brightness tells from its surroundings, both without what is thin (tail, ears, feet). IoU is the
overlap over the union.

    homecage_4cam      a white mouse that crouches, views mid and top, fitted to both views' points;
                       it hardly moves, so what is brighter than the bedding is the mouse
    openfield_topview  a black mouse from above, 116 labelled frames with 4 points each and no
                       calibration: a camera that looks straight down; darker than the empty field
    openfield_boxes    three black mice from above, none of those whose outlines taught the default
                       skin its girth; fitted to 3 labels and 9 points of the outline (`boxes.py`)

Compared are the default body, with and without its coat, and the published model, each fitted by
itself. `share` is the area of the skin over that of the mouse.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from boxes import HELD_OUT, Recording, fitted, load_boxes, trunk_faces
from boxes import OPENING as BOXES_OPENING
from common import CannotMeasure, Measured, arguments, folder, run
from homecage import MARKS_FILE, load_recording
from numpy.typing import NDArray

from mousepose import FitConfig, Scale, default_body, load_keypoints, load_published, reconstruct
from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.model import BodyModel
from mousepose.geometry.camera import Camera, pinhole
from mousepose.geometry.raster import silhouette
from mousepose.sequence import pose_at
from mousepose.types import Floats, Keypoints2D, PoseSequence

Mask = NDArray[np.bool_]
#: px; the tail is thinner than what this opens away, the trunk is not.
OPENING = {"homecage_4cam": 21, "openfield_topview": 25, "openfield_boxes": BOXES_OPENING}
EVERY = 10
DISTANCE_MM, BODY_LENGTH_MM = 700.0, 95.0


@dataclass(frozen=True, eq=False)
class Scene:
    """Frames of a recording: how a body is fitted, and per frame and view an image and a mouse."""

    name: str
    fitted: Callable[[BodyModel], PoseSequence]
    cameras: tuple[Camera, ...]
    frames: list[int]
    masks: Callable[[int, int], Mask]
    images: Callable[[int, int], NDArray[np.uint8]]


def measure(options: argparse.Namespace) -> Measured:
    """Fit every body to every recording and compare outlines."""
    measured = Measured(
        "Skin against outline (without tail, ears and feet)", ("set", "body", "IoU", "share")
    )
    bodies: dict[str, tuple[BodyModel, bool]] = {
        "published": (load_published(folder(options.data, "google_mouse_pose_analysis")), False)
    }
    if default_body().mesh is not None:
        bodies |= {"default_bare": (default_body(), False), "default": (default_body(), True)}
    homecage, openfield = _homecage(options.data), _openfield(options.data)
    boxes = load_boxes(folder(options.data, "openfield_boxes"), HELD_OUT)
    sets: dict[str, Callable[[BodyModel], list[Scene]]] = {
        "homecage_4cam": lambda body: [homecage],
        "openfield_topview": lambda body: [openfield],
        "openfield_boxes": lambda body: [_box(recording, body) for recording in boxes],
    }
    for set_name, scenes_for in sets.items():
        for name, (body, coat) in bodies.items():
            scenes = scenes_for(body)
            found = np.array(
                [pair for s in scenes for pair in _compare(s, body, coat, options.pictures, name)]
            )
            overlap, share = np.median(found, axis=0)
            measured.add_row(set_name, name, overlap, share)
            measured.add_figures(f"{set_name}.{name}", {"iou": overlap, "share": share})
        measured.ran_on.append(f"{set_name} ({sum(len(s.frames) for s in scenes)} frames)")
    return measured


def _compare(
    scene: Scene, body: BodyModel, coat: bool, pictures: Path | None, name: str
) -> Iterator[tuple[float, float]]:
    """Yield overlap and share of area of each frame and view."""
    sequence = scene.fitted(body)
    faces = trunk_faces(body)
    opening = OPENING[scene.name.partition("/")[0]]
    for frame in scene.frames:
        if not np.isfinite(sequence.keypoints[frame]).any():
            continue
        for view, camera in enumerate(scene.cameras):
            skin = _in_world(sequence, scene.cameras[0], _skin(body, sequence, frame, coat))
            drawn = _opened(silhouette(skin, faces, camera), opening)
            mouse = scene.masks(frame, view)
            union = (drawn | mouse).sum()
            yield (drawn & mouse).sum() / union, drawn.sum() / mouse.sum()
            if pictures is not None and frame in scene.frames[:4]:
                stem = scene.name.replace("/", "_")
                _draw(scene.images(frame, view), drawn, mouse,
                      pictures / f"{stem}_{name}_{frame}_{view}.png")  # fmt: skip


def _skin(body: BodyModel, sequence: PoseSequence, frame: int, coat: bool) -> Floats:
    return body.vertices(pose_at(sequence, frame), coat=coat)


def _in_world(sequence: PoseSequence, camera: Camera, points: Floats) -> Floats:
    return points if sequence.frame == "world" else camera.to_world(points)


def _fitted(
    points: Keypoints2D, cameras: tuple[Camera, ...], keypoint_map: str | Path, scale: Scale,
    temporal: bool,
) -> Callable[[BodyModel], PoseSequence]:  # fmt: skip
    """Return what fits a body to points."""
    return lambda body: reconstruct(
        points, cameras, body=body, keypoint_map=load_keypoint_map(keypoint_map), scale=scale,
        config=FitConfig(temporal=temporal),
    )  # fmt: skip


def _homecage(data: Path) -> Scene:
    path = folder(data, "homecage_4cam")
    recording = load_recording(path, load_keypoint_map(MARKS_FILE))
    videos = [_video(path / f"minimal_{camera.name}.mp4") for camera in recording.cameras]
    known = np.isfinite(recording.points).all(axis=-1)
    keypoints = Keypoints2D(
        recording.points, known.astype(float), recording.times,
        np.arange(len(recording.points)), recording.names,
    )  # fmt: skip

    def mask(frame: int, view: int) -> Mask:
        image = cv2.GaussianBlur(videos[view][frame], (0, 0), 2)
        body = recording.points[frame, view, [recording.names.index(n) for n in ("Trunk", "TTI")]]
        bright = float(np.median([image[int(y), int(x)] for x, y in body]))
        return _mouse(image > 0.55 * bright, body.mean(axis=0), OPENING["homecage_4cam"])

    scale = Scale.body_length(recording.body_length)
    return Scene(
        "homecage_4cam", _fitted(keypoints, recording.cameras, MARKS_FILE, scale, True),
        recording.cameras, [*range(0, len(recording.points), EVERY)], mask,
        lambda frame, view: videos[view][frame],
    )  # fmt: skip


def _openfield(data: Path) -> Scene:
    path = folder(data, "openfield_topview") / "labeled_m4s1"
    keypoints = load_keypoints(path / "CollectedData_Pranav.csv", fps=30)
    images = [cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in sorted(path.glob("img*.png"))]
    if len(images) != len(keypoints.times):
        raise CannotMeasure(f"{path}: {len(keypoints.times)} labels, {len(images)} images")
    field = np.median(images, axis=0)
    height, width = images[0].shape
    centres = np.nanmean(keypoints.xy[:, 0], axis=1)
    length = np.nanmedian(np.linalg.norm(keypoints.xy[:, 0, 0] - keypoints.xy[:, 0, 3], axis=-1))
    camera = pinhole((width, height), length * DISTANCE_MM / BODY_LENGTH_MM)

    def mask(frame: int, view: int) -> Mask:
        darker = cv2.GaussianBlur(field - images[frame], (0, 0), 1)
        level = 0.75 * np.quantile(darker, 0.985)
        return _mouse(darker > level, centres[frame], OPENING["openfield_topview"])

    scale = Scale.body_length(BODY_LENGTH_MM)
    return Scene(
        "openfield_topview", _fitted(keypoints, (camera,), "openfield4", scale, False), (camera,),
        [*range(len(images))], mask, lambda frame, view: images[frame],
    )  # fmt: skip


def _box(recording: Recording, body: BodyModel) -> Scene:
    opening = OPENING["openfield_boxes"]
    return Scene(
        f"openfield_boxes/{recording.name}", lambda body: fitted(recording, body),
        (recording.camera(body),), [*range(len(recording.outlines))],
        lambda frame, view: _opened(recording.outlines[frame].mask, opening),
        lambda frame, view: recording.images[frame],
    )  # fmt: skip


def _mouse(mask: Mask, place: Floats, opening: int) -> Mask:
    """Return the part of a mask nearest to a place, without what is thin; holes are filled."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    opened = _opened(closed > 0, opening).astype(np.uint8)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(opened)
    large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] > opening**2]
    if not large:
        raise CannotMeasure("no mouse stands out from its surroundings in a frame")
    best = min(large, key=lambda k: float(np.linalg.norm(centres[k] - place)))
    outlines, _ = cv2.findContours(
        (labels == best).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    return np.asarray(cv2.drawContours(np.zeros(mask.shape, np.uint8), outlines, -1, 1, -1) > 0)


def _opened(mask: Mask, opening: int) -> Mask:
    """Return a mask without what is thin: tail, ears, feet."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (opening, opening))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0)


def _video(path: Path) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])


def _draw(image: NDArray[Any], drawn: Mask, mouse: Mask, path: Path) -> None:
    """Write a crop with both outlines: the mouse white, the skin orange."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = cv2.cvtColor(np.asarray(image, np.uint8), cv2.COLOR_GRAY2BGR)
    for mask, colour in ((mouse, (255, 255, 255)), (drawn, (0, 140, 255))):
        outlines, _ = cv2.findContours(
            mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(picture, outlines, -1, colour, 1)
    y, x = np.nonzero(drawn | mouse)
    crop = picture[max(y.min() - 20, 0) : y.max() + 20, max(x.min() - 20, 0) : x.max() + 20]
    cv2.imwrite(str(path), cv2.resize(crop, None, fx=4, fy=4))


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="where to draw outlines")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
