"""Where the 2D keypoints of several cameras come from: a file for each, or a multi-view table."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mousepose.dataset.multiview import MultiView, find_folder, load_multiview
from mousepose.errors import FileError, InputError
from mousepose.geometry.camera import Camera
from mousepose.run.keypoint_files import KeypointFiles, digest_of
from mousepose.types import Keypoints2D

#: The header of a table is looked for in so many bytes.
_HEADER_BYTES = 65_536


@dataclass(frozen=True)
class ViewSource:
    """Keypoints of several cameras in step: `chunks(frames)` gives them in pieces, once more.

    `view_names` are the cameras' names and `sizes` their images' (width, height), where the source
    tells them, `calibration` is a camera file that lies beside it. `told` says what was guessed;
    `digests` are those of the files' contents.
    """

    paths: tuple[Path, ...]
    chunks: Callable[[int], Iterator[Keypoints2D]]
    digests: Callable[[], list[str]]
    view_names: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    calibration: Path | None = None
    told: str = ""


def open_views(
    paths: Sequence[Path],
    *,
    fps: float | None = None,
    animal: str | None = None,
    view_pattern: str | None = None,
) -> ViewSource:
    """Return the keypoints of several cameras.

    `paths` are a file of a tracker for each camera, or one table (or its folder) in the layout of
    the dataset's `multiview/keypoints.csv`. Raises `InputError` for one file of one camera.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise FileError(f"{', '.join(missing)}: not there")
    if len(paths) == 1 and is_multiview(paths[0]):
        return _table(paths[0], view_pattern)
    if len(paths) < 2:
        raise InputError(
            f"{paths[0]}: a point in space takes at least two cameras: give the keypoints file of "
            "each, or a table with the columns FRAME, <NAME>_X, <NAME>_Y of several views"
        )
    files = KeypointFiles(tuple(paths), fps, animal)
    return ViewSource(tuple(paths), files.chunks, files.digests)


def is_multiview(path: Path) -> bool:
    """Tell whether a path is a multi-view table in the dataset's layout, or a folder with one."""
    if path.is_dir():
        try:
            find_folder(path)
        except FileError:
            return False
        return True
    try:
        with path.open("rb") as stream:
            line = stream.read(_HEADER_BYTES).decode("utf-8-sig", "replace").split("\n", 1)[0]
    except OSError:
        return False
    names = {cell.strip().upper() for row in csv.reader([line.strip()]) for cell in row}
    return "FRAME" in names and any(n.endswith("_X") and f"{n[:-2]}_Y" in names for n in names)


def cameras_of(source: ViewSource, cameras: Sequence[Camera]) -> tuple[list[Camera], str]:
    """Return the cameras in the order of the source's views, and what had to be assumed.

    By name where the source names its views and all are found, but for case and signs; else in the
    order they have.
    """
    by_name = {camera.name: camera for camera in cameras}
    by_letters = {_letters(name): camera for name, camera in by_name.items()}
    views = [_letters(name) for name in source.view_names]
    if views and set(views) <= set(by_letters) and len(by_letters) == len(cameras):
        return [by_letters[view] for view in views], ""
    if source.view_names and len(source.view_names) == len(cameras):
        pairs = zip(source.view_names, by_name, strict=True)
        told = ", ".join(f"view {view} by camera {name}" for view, name in pairs)
        return list(cameras), f"names differ, so cameras are taken in their order: {told}"
    count = len(source.view_names) or len(source.paths)
    if count != len(cameras):
        raise InputError(
            f"{count} views ({', '.join(source.view_names or [p.name for p in source.paths])}) and "
            f"{len(cameras)} cameras ({', '.join(by_name)}): give one camera for each view, in the "
            "same order (--camera-name chooses among those of a file)"
        )
    return list(cameras), ""


def _letters(name: str) -> str:
    """Return a name without what people spell differently: case and signs."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _table(path: Path, view_pattern: str | None) -> ViewSource:
    folder = path if path.is_dir() else path.parent
    views = load_multiview(folder, view_pattern=view_pattern)
    table = views.folder / "keypoints.csv"
    if path.is_file() and not path.samefile(table):
        raise FileError(f"{path}: is not the {table.name} of its folder; rename it to that")
    if len(views.view_names) < 2:
        raise InputError(
            f"{path}: {views.guessed or 'it holds one view'}; where the paths of the pictures tell "
            "the views, say how: --view-pattern '(?P<view>...)/(?P<moment>...)'"
        )
    keypoints = views.keypoints()

    def chunks(frames: int) -> Iterator[Keypoints2D]:
        yield keypoints

    return ViewSource(
        (table,), chunks, lambda: [digest_of(table)], views.view_names, _sizes(views),
        views.calibration_path(), views.guessed,
    )  # fmt: skip


def _sizes(views: MultiView) -> tuple[tuple[int, int], ...]:
    """Return the (width, height) of each view's first picture; none where one view has none."""
    found = []
    for view in range(len(views.view_names)):
        moments = (m for m in range(len(views)) if views.picture_path(m, view) is not None)
        first = next(moments, None)
        if first is None:
            return ()
        height, width = views.picture(first, view).shape[:2]
        found.append((width, height))
    return tuple(found)
