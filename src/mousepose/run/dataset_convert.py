"""The data set in the formats of other programs: its frames, or its scans as NIfTI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.frames import Frame
from mousepose.dataset.samples import load_slices
from mousepose.dataset.splits import split_by_clip
from mousepose.errors import FileError, UnknownNameError
from mousepose.extras import needed
from mousepose.run.dataset_export import Exported, new_folder, write_pictures
from mousepose.run.dataset_labels import write_coco, write_parquet, write_yolo
from mousepose.run.dataset_projects import write_deeplabcut, write_lightning_pose, write_slp
from mousepose.run.dataset_scans import volume_of
from mousepose.types import Progress


@dataclass(frozen=True)
class Target:
    """A format to convert to: its title, what its pictures are called, whether it needs parts.

    `libraries` of the package's `extra` write it.
    """

    title: str
    name: Callable[[Frame, str, int, str], str]
    split: bool = False
    extra: str = ""
    libraries: tuple[str, ...] = ()


class Converted(NamedTuple):
    """What was written: where, how many frames or scans, and of each part of a split."""

    path: Path
    written: int
    parts: Mapping[str, int]


def _suffix(frame: Frame) -> str:
    return ".png" if frame.encoded.startswith(b"\x89PNG") else ".jpg"


TARGETS: Mapping[str, Target] = {
    "coco": Target(
        "COCO keypoints", lambda f, clip, n, part: f"images/{clip}/{n:04d}{_suffix(f)}"
    ),
    "deeplabcut": Target(
        "DeepLabCut project", lambda f, clip, n, part: f"labeled-data/{clip}/img{n:04d}.png"
    ),
    "lightning-pose": Target(
        "Lightning Pose project", lambda f, clip, n, part: f"labeled-data/{clip}/frame{n:08d}.png"
    ),
    "sleap": Target(
        "SLEAP labels", lambda f, clip, n, part: f"images/{clip}/{n:04d}{_suffix(f)}",
        extra="formats", libraries=("sleap_io",),
    ),
    "yolo": Target(
        "YOLO pose", lambda f, clip, n, part: f"images/{part}/{clip}_{n:04d}{_suffix(f)}",
        split=True,
    ),
    "parquet": Target(
        "Parquet table", lambda f, clip, n, part: f"images/{clip}/{n:04d}{_suffix(f)}"
    ),
    "nifti": Target(
        "NIfTI scans", lambda f, clip, n, part: "", extra="ct", libraries=("pydicom", "nibabel")
    ),
}  # fmt: skip


def convert_dataset(
    dataset: MousePoseDataset,
    target: str | Path,
    to: str,
    *,
    fractions: Mapping[str, float] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Converted:
    """Write the frames (or, `to` "nifti", the scans) into the new folder `target`.

    `fractions` splits by clip, `seed` decides how; YOLO is always split. The folder appears whole
    or not at all. Raises `UnknownNameError` on another format, `FileError` where the folder is
    there or the data set has no such part, and `InputError` where the format's library is missing.
    """
    if to not in TARGETS:
        raise UnknownNameError.of("format", to, TARGETS)
    form = TARGETS[to]
    needed(form.extra, f"writing {form.title}", *form.libraries)
    target = Path(target)
    if to == "nifti":
        return _convert_scans(dataset, target, progress)
    frames = dataset.frames
    split = None
    if fractions is not None or form.split:
        split = split_by_clip(frames.table, **_given(fractions), seed=seed)
    with new_folder(target) as folder:
        labels = write_pictures(frames, folder, form.name, split=split, progress=progress)
        if not len(labels):
            raise FileError(f"{frames.path}: holds no frame that can be written")
        _write_labels(to, folder, labels, target)
    counts = {part: len(labels.rows_of(part)) for part in labels.parts if part}
    return Converted(target, len(labels), counts)


def _given(fractions: Mapping[str, float] | None) -> dict[str, Mapping[str, float]]:
    return {} if fractions is None else {"fractions": fractions}


def _write_labels(to: str, folder: Path, labels: Exported, target: Path) -> None:
    if to == "coco":
        write_coco(folder, labels)
    elif to == "deeplabcut":
        write_deeplabcut(folder, labels)
    elif to == "lightning-pose":
        write_lightning_pose(folder, labels)
    elif to == "sleap":
        write_slp(folder, labels, target.absolute())
    elif to == "yolo":
        write_yolo(folder, labels)
    else:
        write_parquet(folder / "frames.parquet", labels)


def _convert_scans(dataset: MousePoseDataset, target: Path, progress: Progress | None) -> Converted:
    """Write each scan as `<NAME>.nii.gz`, in its own voxels; without scans the site's slices."""
    from mousepose.ct.scans.scan import load_scan
    from mousepose.ct.scans.write import write_nifti

    paths = dataset.scans or dataset.slices
    if not paths:
        raise FileError(f"{dataset.path}: holds no ct-scans/*.dcm")
    with new_folder(target) as folder:
        for number, path in enumerate(paths):
            volume = load_scan(path) if dataset.scans else volume_of(load_slices(path))
            # Slices may be there twice, as an animation and as an array.
            name = path.stem if dataset.scans else path.name.replace(".", "_")
            write_nifti(volume, folder / f"{name}.nii.gz")
            if progress is not None:
                progress("scans", number + 1, len(paths))
    return Converted(target, len(paths), {})
