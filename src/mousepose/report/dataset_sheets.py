"""All pictures of a data set at once, into one folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mousepose.dataset.dataset import MousePoseDataset
from mousepose.errors import UnknownNameError
from mousepose.report.dataset import plot_behaviours, plot_keypoints, plot_multiview
from mousepose.report.dataset_scans import plot_scan, plot_scans

#: Scans on a sheet.
_MOST_SCANS = 12


def draw_dataset(
    dataset: MousePoseDataset, folder: str | Path, scans: Sequence[str] | None = None
) -> Iterator[Path]:
    """Draw what the data set has into `folder`, which is made; yield each picture's path.

    Of the scans a sheet and the first one are drawn, or those named in `scans`. Raises
    `UnknownNameError` on a scan that is not there.
    """
    folder = Path(folder)
    by_name = {path.stem: path for path in dataset.scans}
    for name in scans or ():
        if name.removesuffix(".dcm") not in by_name:
            raise UnknownNameError.of("scan", name, list(by_name)[:20])
    folder.mkdir(parents=True, exist_ok=True)
    if dataset.frames_path is not None:
        plot_behaviours(dataset.frames, folder / "behaviours.png")
        yield folder / "behaviours.png"
        plot_keypoints(dataset.frames.table, folder / "keypoints.png")
        yield folder / "keypoints.png"
    if dataset.multiview_path is not None:
        plot_multiview(dataset.multiview, folder / "multiview.png")
        yield folder / "multiview.png"
    if dataset.scans and not scans:
        plot_scans(folder / "scans.png", dataset.scans[:_MOST_SCANS])
        yield folder / "scans.png"
    chosen = [name.removesuffix(".dcm") for name in scans] if scans else list(by_name)[:1]
    for name in chosen:
        plot_scan(folder / f"scan_{name}.png", by_name[name])
        yield folder / f"scan_{name}.png"
