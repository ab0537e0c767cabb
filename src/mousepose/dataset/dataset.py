"""The folder of the Mouse Pose Analysis Dataset: its scans, its frames, its multi-view part."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from mousepose.closing import Closing
from mousepose.dataset.frames import Frames
from mousepose.dataset.multiview import TABLE, MultiView, find_folder, load_multiview
from mousepose.dataset.samples import holds_slices
from mousepose.dataset.tfrecord import looks_like_records
from mousepose.dataset.tfrecord_shards import is_record_name
from mousepose.errors import FileError
from mousepose.types import Progress

SCANS = "ct-scans"
FRAMES = "video_frames.tfrecord"
INTRINSICS = "intrinsics.txt"
#: What a twin says of itself, and its truth.
ABOUT, TRUTH = "twin.json", "twin_truth.npz"
#: A picture of several views and a video with the authors' fit, on the data set's site.
VIEWS_SAMPLE, FILM_SAMPLE = "multiview.png", "running.mp4"
#: The matrix of the home-cage camera in it: fx, fy, cx, cy px.
PUBLISHED_INTRINSICS = (411.15, 410.0, 443.0, 332.24)
#: What is published of the data set.
PUBLISHED: Mapping[str, int] = {
    "scans": 80, "frames": 5460, "clips": 455, "frames a clip": 12, "behaviours": 7,
    "multi-view pictures": 108,
}  # fmt: skip


class MousePoseDataset(Closing):
    """The data set in a folder: `dataset.frames[0].image`, `dataset.multiview.xy`, `.scans`.

    Nothing is read before it is asked for, and every part may be missing. `path` is the folder, or
    one of its files, which is `file` then; `features`, `records_per_clip` and `skip_faults` are
    those of `Frames`, `view_pattern` that of `load_multiview`. Raises `FileError` where nothing of
    the data set is there.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        features: Mapping[str, str] | None = None,
        records_per_clip: int | None = None,
        skip_faults: bool = False,
        view_pattern: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        path = Path(path)
        if not path.exists():
            raise FileError(f"{path}: there is no such folder")
        self.file = path if path.is_file() else None
        self.path = path.parent if path.is_file() else path
        self._features, self._per_clip, self._skip = features, records_per_clip, skip_faults
        self._view_pattern, self._progress = view_pattern, progress
        parts = (self.frames_path, self.multiview_path, self.scans, self.slices)
        camera = self.intrinsics_path if self.file is None else self.file.name == INTRINSICS
        if not any(parts) and not camera:
            inside = ", ".join(sorted(p.name for p in self.path.iterdir())[:10]) or "nothing"
            found = "it is none of these" if self.file else f"found {inside}"
            raise FileError(
                f"{path}: holds nothing of the data set; expected {FRAMES}, {SCANS}/*.dcm or "
                f"multiview/keypoints.csv, {found}"
            )

    @cached_property
    def scans(self) -> tuple[Path, ...]:
        """The DICOM files of the CT scans, in order of their names; open one with `load_scan`."""
        if self.file is not None:
            return (self.file,) if _is_scan(self.file) else ()
        for folder in (self.path / SCANS, self.path):
            found = [p for p in folder.iterdir() if _is_scan(p)] if folder.is_dir() else []
            if found:
                return tuple(sorted(found))
        return ()

    @cached_property
    def slices(self) -> tuple[Path, ...]:
        """Files with slices of a scan, as the data set's site has them; see `load_slices`."""
        files = self.path.iterdir() if self.file is None else [self.file]
        return tuple(sorted(p for p in files if p.is_file() and holds_slices(p)))

    @cached_property
    def frames_path(self) -> Path | None:
        """The record file of the frames, or the first of its shards; None where there is none."""
        if self.file is not None:
            return self.file if looks_like_records(self.file) else None
        named = [self.path / name for name in (FRAMES, f"{FRAMES}.gz")]
        found = sorted(p for p in self.path.iterdir() if p.is_file() and is_record_name(p.name))
        present = [p for p in named if p.is_file()]
        present += [p for p in found if p.name.startswith(FRAMES)]
        return next(iter([*present, *found]), None)

    @cached_property
    def multiview_path(self) -> Path | None:
        """The folder of the multi-view part, None where there is none."""
        if self.file is not None:
            return self.path if self.file.name == TABLE else None
        try:
            return find_folder(self.path)
        except FileError:
            return None

    @cached_property
    def intrinsics_path(self) -> Path | None:
        """The file of the home-cage camera's matrix, None where there is none."""
        path = self.path / INTRINSICS
        return path if path.is_file() else None

    @cached_property
    def frames(self) -> Frames:
        """The labelled frames. Raises `FileError` where there are none. See `Frames`."""
        if self.frames_path is None:
            raise FileError(f"{self.path}: holds no {FRAMES}")
        return Frames(
            self.frames_path,
            features=self._features,
            records_per_clip=self._per_clip,
            skip_faults=self._skip,
            progress=self._progress,
        )

    @cached_property
    def multiview(self) -> MultiView:
        """The pictures of several cameras. Raises `FileError` where there are none."""
        if self.multiview_path is None:
            raise FileError(f"{self.path}: holds no multiview/keypoints.csv")
        return load_multiview(self.multiview_path, view_pattern=self._view_pattern)

    def close(self) -> None:
        """Close the files that were opened."""
        if "frames" in self.__dict__:
            self.frames.close()


def _is_scan(path: Path) -> bool:
    return path.suffix.lower() in (".dcm", ".dicom")
