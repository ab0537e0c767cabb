"""A twin of the data set: the same folder, files and features, with mice that never lived.

For trying everything without access to the data set, and for tests, since its truth is known:
`twin_truth.npz` holds every keypoint in space, before labels were hidden and rounded. Feature names
that are not published (behaviour, clip, frame, box) are this twin's own.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mousepose import __version__
from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.dataset.dataset import (
    ABOUT,
    FRAMES,
    INTRINSICS,
    PUBLISHED,
    PUBLISHED_INTRINSICS,
    SCANS,
    TRUTH,
)
from mousepose.dataset.example import Feature, serialise_example
from mousepose.dataset.frames import FRAMES_PER_SECOND, to_normalised
from mousepose.dataset.pictures import encode_jpeg
from mousepose.dataset.tfrecord_write import write_records
from mousepose.errors import FileError
from mousepose.extras import needed
from mousepose.geometry.camera import Camera
from mousepose.io import write_cameras
from mousepose.run.dataset_export import new_folder
from mousepose.run.dataset_twin_picture import COATS, Drawer, bedding
from mousepose.run.dataset_twin_poses import POSTURES, act, placed
from mousepose.run.dataset_twin_scans import write_scans
from mousepose.simulate import watching_camera
from mousepose.types import Bytes, Floats, Pose, Progress, require

#: The home-cage camera's images, by the site's video.
_SIZE = (864, 648)
#: Diversity Outbred mice, grams; the body model is a mouse of the second number.
_GRAMS, _MODEL_GRAMS = (20.0, 60.0), 25.0
_ANIMALS = 30
#: Where in the cage the mice are: half the floor (mm).
_CAGE = np.array([75.0, 50.0])
#: Names that the multi-view table lacks.
_NOT_IN_VIEWS = ("SPINE_MID", "MID_TAIL", "TIP_TAIL")
_VIEW_SIZE = (640, 480)
_BOX_EDGES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class TwinOptions:
    """How large a twin is: by default as the data set, its scans coarser.

    `image_scale` shrinks the pictures; `noise_px` is the SD of a label's place in a picture of full
    size; `shards` files hold the frames; `calibration` says whether the views' cameras are told.
    Raises `InputError` on sizes that are none.
    """

    clips: int = PUBLISHED["clips"]
    frames_per_clip: int = PUBLISHED["frames a clip"]
    moments: int = 36
    scans: int = PUBLISHED["scans"]
    scan_voxel_mm: float = 0.5
    image_scale: float = 1.0
    noise_px: float = 0.0
    shards: int = 1
    calibration: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("clips", "moments", "scans"):
            require(getattr(self, name) >= 0, f"{name}: expected 0 or more")
        require(self.frames_per_clip >= 2, "frames_per_clip: expected 2 or more")
        require(0.05 <= self.scan_voxel_mm <= 1, "scan_voxel_mm: expected 0.05 to 1")
        require(1 <= self.shards <= 10_000, "shards: expected 1 to 10000")
        require(0.1 <= self.image_scale <= 2, "image_scale: expected 0.1 to 2")
        require(self.noise_px >= 0, "noise_px: expected 0 or more")


def make_twin(
    folder: str | Path, options: TwinOptions | None = None, progress: Progress | None = None
) -> Path:
    """Write a twin of the data set into `folder`, which is made, and return it.

    The same options make the same files; the folder appears whole or not at all. Raises `FileError`
    where it has content or its own folder is missing, `InputError` where scans need pydicom.
    """
    options = options or TwinOptions()
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileError(f"{folder}: is there already and not empty; give a new folder")
    if options.scans:
        needed("ct", "scans for a twin (or ask for none)", "pydicom")
    if folder.exists():
        folder.rmdir()
    with new_folder(folder) as temporary:
        _write(temporary, options, progress or (lambda stage, done, total: None))
    return folder


def _write(folder: Path, options: TwinOptions, tell: Progress) -> None:
    camera = home_cage_camera(options.image_scale)
    truth: dict[str, Any] = {}
    if options.clips:
        lens = replace(camera, T_camera_world=np.eye(4), floor_plane=None)
        write_cameras(folder / INTRINSICS, [lens])
        _write_frames(folder, options, camera, tell, truth)
    if options.moments:
        _write_multiview(folder / "multiview", options, tell, truth)
    if options.scans:
        (folder / SCANS).mkdir()
        truth |= write_scans(
            folder / SCANS, options.scans, options.scan_voxel_mm, options.seed, tell
        )
    np.savez_compressed(folder / TRUTH, **truth)
    about = {
        "what": "A synthetic twin of the Mouse Pose Analysis Dataset; no animal was recorded.",
        "mousepose": __version__,
        "options": asdict(options),
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def home_cage_camera(scale: float = 1.0) -> Camera:
    """Return the home-cage camera, looking down into a cage whose floor is z = 0."""
    size = (round(_SIZE[0] * scale), round(_SIZE[1] * scale))
    fx, fy, cx, cy = PUBLISHED_INTRINSICS
    matrix = np.diag([fx * scale, fy * scale, 1.0])
    # The centre of the top-left pixel is (0, 0): half a pixel stays half a pixel.
    matrix[:2, 2] = (cx + 0.5) * scale - 0.5, (cy + 0.5) * scale - 0.5
    stand = watching_camera((0, 0, 10), distance_mm=300, azimuth_deg=-90, elevation_deg=66)
    return replace(stand, matrix=matrix, size=size, name="home_cage")


@dataclass(frozen=True, eq=False)
class _Animal:
    shape: Floats
    grams: float
    coat: str


def _drawn_animal(body: BodyModel, random: np.random.Generator) -> _Animal:
    grams = float(random.uniform(*_GRAMS))
    shape = 0.5 * random.normal(0, body.shape_space.sd)
    shape[0] = np.log(grams / _MODEL_GRAMS) / 3
    return _Animal(shape, grams, str(random.choice(list(COATS))))


def _write_frames(
    folder: Path, options: TwinOptions, camera: Camera, tell: Progress, truth: dict[str, Any]
) -> None:
    body = default_body()
    random = np.random.default_rng(options.seed)
    animals = [_drawn_animal(body, random) for _ in range(_ANIMALS)]
    frames = options.clips * options.frames_per_clip
    names = body.keypoints.names
    truth |= {
        "keypoint_names": np.array(names),
        "xyz_mm": np.zeros((frames, len(names), 3), np.float32),
        "xy_px": np.zeros((frames, len(names), 2), np.float32),
        "visible": np.zeros((frames, len(names)), bool),
        "matrix": camera.matrix,
        "T_camera_world": camera.T_camera_world,
        "grams": np.zeros(options.clips, np.float32),
    }

    background = bedding(camera, options.seed)

    def records() -> Iterator[bytes]:
        for clip in range(options.clips):
            animal = animals[int(random.integers(_ANIMALS))]
            truth["grams"][clip] = animal.grams
            drawer = Drawer(body, animal.coat)
            yield from _clip(clip, animal.shape, drawer, camera, background, options, truth)
            tell("frames", (clip + 1) * options.frames_per_clip, frames)

    write_records(folder / FRAMES, records(), shards=options.shards)


def _clip(
    clip: int,
    shape: Floats,
    drawer: Drawer,
    camera: Camera,
    background: Bytes,
    options: TwinOptions,
    truth: dict[str, Any],
) -> Iterator[bytes]:
    """Yield the records of one clip; its truth goes into `truth`."""
    body = drawer.body
    random = np.random.default_rng([options.seed, 1, clip])
    behaviour = list(POSTURES)[clip % len(POSTURES)]
    times = np.arange(options.frames_per_clip) / FRAMES_PER_SECOND
    pose = act(behaviour, body, shape, times, random)
    pose = placed(pose, random.uniform(-_CAGE, _CAGE), float(random.uniform(-np.pi, np.pi)))
    points = body.keypoints_of(pose)
    for frame in range(len(times)):
        picture, depth = drawer.draw(one_pose(pose, frame), camera, background)
        seen = drawer.visible(points[frame], body.keypoints.names, camera, depth)
        xy = camera.project(points[frame])
        row = clip * len(times) + frame
        truth["xyz_mm"][row], truth["xy_px"][row] = points[frame], xy
        truth["visible"][row] = seen
        noisy = xy + options.noise_px * options.image_scale * random.standard_normal(xy.shape)
        labels = np.where(seen[:, None], noisy, np.nan)
        features = _features(labels, body.keypoints.names, picture, depth)
        features |= {
            "behavior/label": [behaviour.encode()],
            "clip/id": [f"clip_{clip:04d}".encode()],
            "clip/frame_number": np.array([frame]),
        }
        yield serialise_example(features)


def _features(
    xy: Floats, names: tuple[str, ...], picture: Bytes, depth: Floats
) -> dict[str, Feature]:
    """Return the features of a frame with the names that are published, and a box."""
    size = (picture.shape[1], picture.shape[0])
    features: dict[str, Feature] = {"image/encoded": [encode_jpeg(picture)]}
    for name, point in zip(names, to_normalised(xy, size), strict=True):
        if np.isfinite(point).all():
            for axis, value in zip("xy", point, strict=True):
                features[f"{name}/region/point/{axis}"] = np.array([value], np.float32)
    rows, columns = np.nonzero(np.isfinite(depth))
    if len(rows):
        edges = np.array([[columns.min(), rows.min()], [columns.max(), rows.max()]]) + [
            [-0.5],
            [0.5],
        ]
        for name, value in zip(_BOX_EDGES, to_normalised(edges, size).ravel(), strict=True):
            features[f"mouse/region/bbox/{name}"] = np.array([value], np.float32)
    return features


def view_cameras() -> list[Camera]:
    """Return the cameras of the multi-view part: one from above, two from the sides."""
    places = (("side_1", -90.0, 14.0), ("side_2", 0.0, 14.0), ("top", -90.0, 85.0))
    return [
        watching_camera(
            (0, 0, 15), distance_mm=330, azimuth_deg=azimuth, elevation_deg=elevation,
            focal_px=560, size=_VIEW_SIZE, name=name,
        )
        for name, azimuth, elevation in places
    ]  # fmt: skip


def _write_multiview(
    folder: Path, options: TwinOptions, tell: Progress, truth: dict[str, Any]
) -> None:
    """Write `keypoints.csv`, the pictures and the calibration of a black mouse in three views."""
    (folder / "images").mkdir(parents=True)
    cameras = view_cameras()
    if options.calibration:
        write_cameras(folder / "calibration.toml", cameras)
    body = default_body()
    random = np.random.default_rng([options.seed, 2])
    names = [name for name in body.keypoints.names if name not in _NOT_IN_VIEWS]
    chosen = [body.keypoints.names.index(name) for name in names]
    backgrounds = [bedding(camera, options.seed + k) for k, camera in enumerate(cameras)]
    drawer = Drawer(body, "black")
    rows, space = [], []
    for moment in range(options.moments):
        behaviour = list(POSTURES)[int(random.integers(len(POSTURES)))]
        pose = act(behaviour, body, body.shape_space.mean, np.arange(2) / FRAMES_PER_SECOND, random)
        place = random.uniform(-0.6 * _CAGE, 0.6 * _CAGE)
        pose = placed(pose, place, float(random.uniform(-np.pi, np.pi)))
        points = body.keypoints_of(pose)[0]
        space.append(points)
        for camera, background in zip(cameras, backgrounds, strict=True):
            picture, depth = drawer.draw(one_pose(pose, 0), camera, background)
            seen = drawer.visible(points, body.keypoints.names, camera, depth)
            xy = camera.project(points) + options.noise_px * random.standard_normal(
                (len(points), 2)
            )
            path = f"images/moment_{moment:03d}_{camera.name.replace('_', '')}.jpg"
            (folder / path).write_bytes(encode_jpeg(picture))
            cells = [f"{v:.2f}" if seen[k] else "" for k in chosen for v in xy[k]]
            rows.append([path, *cells])
        tell("multi-view", moment + 1, options.moments)
    truth |= {
        "multiview_xyz_mm": np.array(space),
        "multiview_names": np.array(body.keypoints.names),
        "multiview_views": np.array([camera.name.replace("_", "") for camera in cameras]),
        "multiview_matrix": np.array([camera.matrix for camera in cameras]),
        "multiview_T_camera_world": np.array([camera.T_camera_world for camera in cameras]),
    }
    header = ["FRAME", *(f"{name}_{axis}" for name in names for axis in "XY")]
    with (folder / "keypoints.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def one_pose(pose: Pose, frame: int) -> Pose:
    """Return one of the poses (T)."""
    return replace(
        pose,
        root_rotation=pose.root_rotation[frame],
        root_translation=pose.root_translation[frame],
        joint_rotation=pose.joint_rotation[frame],
    )
