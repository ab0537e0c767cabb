"""Who is drawn, and where: results with their bodies, the camera that took the video, the floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.body.skinning import skin
from mousepose.errors import InputError, UnknownNameError
from mousepose.geometry.camera import Camera
from mousepose.report.overlay import COLOURS
from mousepose.report.overlay_video.mesh import Colour, Skin, normals_of, outwards
from mousepose.report.overlay_video.stick import Flat, flattened
from mousepose.report.page_stage import Stage, stage_of
from mousepose.report.page_views import paired
from mousepose.report.stick import trunk_of
from mousepose.run.report_company import company_of
from mousepose.run.report_result import Result
from mousepose.types import Floats, Ints, PoseSequence, Status
from mousepose.video import Video

#: A colour for each animal in turn: those of boxes, the one that suits any coat first.
_SKINS = tuple(COLOURS[k] for k in (1, 0, 3, 4, 2))
#: Frames that are asked how large an animal is.
_FRAMES_ASKED = 20
_SOLVED = (Status.OK, Status.BRIDGED, Status.POOR)
_WORDS = {
    Status.OK: "solved", Status.BRIDGED: "bridged", Status.EMPTY: "no pose",
    Status.POOR: "poor fit", Status.FAILED: "failed",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Posed:
    """One animal in one frame, in the world: its skin, points (K, 3) mm and their covariance.

    `flat` is its stick figure in the video, `trunk` (3,) the middle of its trunk.
    """

    skin: Skin | None
    flat: Flat
    points: Floats
    covariance: Floats
    trunk: Floats


@dataclass(frozen=True, eq=False)
class Appearance:
    """How the fit of a frame ended, in `words`, and what came of it; None without a pose."""

    words: str
    good: bool = False
    posed: Posed | None = None


_NOWHERE = Appearance(_WORDS[Status.EMPTY])


class Actor:
    """One animal of a result, as the camera of the video sees it."""

    def __init__(
        self,
        result: Result,
        camera: Camera,
        to_world: tuple[Floats, Floats],
        body: BodyModel | None,
        name: str,
        colour: Colour,
    ) -> None:
        self.result, self.name, self.colour = result, name, colour
        self._camera, self._to_world, self._body = camera, to_world, body
        self._faces: NDArray[np.int32] | None = None
        if body is not None and body.mesh is not None:
            self._faces = outwards(body.mesh.vertices, body.mesh.faces)

    def appearances(self, numbers: Ints) -> list[Appearance]:
        """Return the animal in frames of the video by increasing numbers."""
        result = self.result
        found = [_NOWHERE] * len(numbers)
        places = np.searchsorted(result.frame_numbers, numbers)
        inside = places < len(result)
        inside[inside] = result.frame_numbers[places[inside]] == numbers[inside]
        targets = np.flatnonzero(inside)
        done = 0
        for piece in _pieces(result, places[inside]):
            for target, one in zip(targets[done:], self._appear(piece), strict=False):
                found[target] = one
            done += len(piece)
        return found

    def _appear(self, piece: PoseSequence) -> Iterator[Appearance]:
        turn, shift = self._to_world
        points = piece.keypoints @ turn.T + shift
        covariance = turn @ piece.covariance @ turn.T
        flats = flattened(self._camera, points, covariance, piece.state)
        trunks = trunk_of(piece) @ turn.T + shift
        skins = self._skins(piece)
        for n, flat in enumerate(flats):
            status = Status(min(int(piece.report.status[n]), len(Status) - 1))
            if np.isfinite(piece.pose.root_translation[n]).all():
                posed = Posed(skins[n], flat, points[n], covariance[n], trunks[n])
                yield Appearance(_WORDS[status], status == Status.OK, posed)
            else:
                yield Appearance(_WORDS[Status.EMPTY if status in _SOLVED else status])

    def _skins(self, piece: PoseSequence) -> Sequence[Skin | None]:
        """Return the skins in the world, with fur: that is what a camera sees."""
        body, faces = self._body, self._faces
        if body is None or body.mesh is None or faces is None:
            return [None] * len(piece)
        turn, shift = self._to_world
        maps = turn @ body.bone_transforms(piece.pose)
        maps[..., 3] += shift
        rest = body.mesh.at_rest(piece.pose.joint_rotation, None, coat=True)
        vertices = skin(rest, body.mesh.sparse_weights, maps)
        normals = normals_of(vertices, faces)
        return [Skin(v, n, faces, self.colour) for v, n in zip(vertices, normals, strict=True)]


@dataclass(frozen=True, eq=False)
class Cast:
    """All that is drawn over a video: its `camera`, the `actors`, the `stage` of the turntable."""

    camera: Camera
    actors: tuple[Actor, ...]
    stage: Stage
    notes: tuple[str, ...]

    def length_px(self) -> float:
        """Return about how long a mouse is in the picture, px; NaN where none is seen."""
        actor = self.actors[0]
        sample = _sample(actor.result)
        numbers = sample.frame_numbers[:: max(1, len(sample) // _FRAMES_ASKED)]
        posed = [one.posed for one in actor.appearances(numbers)]
        seen = [one.flat.xy for one in posed if one is not None]
        spans = [
            np.nanmax(xy, axis=0) - np.nanmin(xy, axis=0) for xy in seen if np.isfinite(xy).any()
        ]
        return float(np.median(np.hypot(*np.transpose(spans)))) if spans else float("nan")


@dataclass(frozen=True, eq=False)
class Casting:
    """What tells who is drawn: files of `poses`, and what narrows or completes them.

    `cameras` are those of the fit, the first of them that whose frame the poses may be in; none:
    those of the file `camera`, or of one beside the first result. `camera_name` says which of them
    took the video, `animal` which animal alone is drawn, `body` is that of the fit.
    """

    poses: tuple[Path, ...]
    camera: Path | None = None
    cameras: tuple[Camera, ...] = ()
    camera_name: str | None = None
    animal: str | None = None
    body: BodyModel | None = None


def cast_of(stack: ExitStack, video: Video, casting: Casting, skinned: bool) -> Cast:
    """Return who is drawn over a video; the results stay open as long as `stack`.

    `skinned`: with their skins. Raises `FileError` and `InputError`: a result that is cut or of
    another version, no camera, the camera of another size than the video, a body that is not the
    fit's.
    """
    results = _opened(stack, casting.poses, casting.animal)
    cameras = casting.cameras
    notes: tuple[str, ...] = ()
    if not cameras:
        company = company_of(results[0], casting.camera)
        cameras, notes = company.cameras, company.notes
    if not cameras:
        raise InputError(
            f"{results[0].path}: no camera file lies beside this result, so nobody knows where a "
            "pose is in the picture: give the one of the fit with --camera"
        )
    seen_by = _of_size(_camera(video, cameras, casting.camera_name), video)
    home = _to_world(cameras[0])
    actors = []
    for n, (result, name) in enumerate(zip(results, _names(results), strict=True)):
        body = _body(result, casting.body) if skinned else None
        in_camera = result.about["frame"] == "camera"
        to_world = home if in_camera else (np.eye(3), np.zeros(3))
        actors.append(Actor(result, seen_by, to_world, body, name, _SKINS[n % len(_SKINS)]))
    return Cast(seen_by, tuple(actors), stage_of(_sample(results[0]), cameras), notes)


def _names(results: Sequence[Result]) -> list[str]:
    """Return what tells the results apart: the animals, their files or folders, or letters."""
    for names in (
        [result.animal for result in results],
        [result.path.stem for result in results],
        [result.path.resolve().parent.name for result in results],
    ):
        if len(set(names)) == len(names):
            return names
    return [f"{chr(65 + n % 26)}: {result.animal}" for n, result in enumerate(results)]


def _opened(stack: ExitStack, poses: Sequence[Path], animal: str | None) -> list[Result]:
    """Return the results of all animals in all files, or of the one that is asked for."""
    if not poses:
        raise InputError("no result was given: name at least one file of poses")
    results = []
    for path in poses:
        names = [animal] if animal is not None else _animals(path)
        results += [stack.enter_context(Result(path, name)) for name in names]
    return results


def _animals(path: Path) -> Sequence[str | None]:
    """Return the names of the animals in a file of poses."""
    from mousepose.io.keypoints.table import opened
    from mousepose.io.poses.sequence_header import Header
    from mousepose.run.report_result import result_path

    file = result_path(path)
    with opened(file) as table:
        return list(Header.read(file, table).animals) or [None]


def _camera(video: Video, cameras: Sequence[Camera], name: str | None) -> Camera:
    """Return the camera that took the video: the named one, or that whose name the file bears."""
    by_name = {camera.name: camera for camera in cameras}
    if name is not None:
        if name not in by_name:
            raise UnknownNameError.of("camera", name, by_name)
        return by_name[name]
    if len(cameras) == 1:
        return cameras[0]
    bears = [c for c in cameras if video.name.lower().endswith(c.name.lower())]
    if not bears:
        raise InputError(
            f"{video.path}: which of the cameras {', '.join(by_name)} took it? Its name does not "
            "end in one of theirs; say --camera-name"
        )
    return paired([video.path], cameras)[0][1] if not video.images else bears[0]


def _of_size(camera: Camera, video: Video) -> Camera:
    """Return a camera whose pictures are as large as the video's.

    Raises `InputError` where they are not, unless the size was only guessed (a bare matrix).
    """
    have, want = (int(video.size[0]), int(video.size[1])), camera.size
    if have == want:
        return camera
    if "size guessed" in camera.source:
        return replace(camera, size=have)
    raise InputError(
        f"{video.path}: its pictures are {have[0]} x {have[1]} px, those of camera "
        f"{camera.name!r} {want[0]} x {want[1]}: give the video that the result was made from, or "
        "its camera file with --camera"
    )


def _body(result: Result, body: BodyModel | None) -> BodyModel:
    found = body_of(result.at(0)[0][:1], body)
    if found.mesh is None:
        raise InputError(
            f"{result.path}: body {found.name!r} has no skin: draw --draw skeleton,keypoints"
        )
    return found


def _to_world(camera: Camera) -> tuple[Floats, Floats]:
    """Return the turn (3, 3) and the shift (3,) that take points of a camera to the world."""
    return np.ascontiguousarray(camera.rotation.T), camera.position


def _sample(result: Result) -> PoseSequence:
    """Return frames that tell where the floor is: those about the first one with a pose."""
    posed = np.flatnonzero(np.isin(result.status, [int(status) for status in _SOLVED]))
    return result.at(int(posed[0]) if len(posed) else 0)[0]


def _pieces(result: Result, places: Ints) -> Iterator[PoseSequence]:
    """Yield the frames at increasing places, in one piece a row group."""
    done = 0
    while done < len(places):
        group, index = result.at(int(places[done]))
        first = int(places[done]) - index
        stop = int(np.searchsorted(places, first + len(group)))
        chosen = np.zeros(len(group), np.bool_)
        chosen[places[done:stop] - first] = True
        yield group[chosen]
        done = stop
