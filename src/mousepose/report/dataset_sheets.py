"""All pictures of a data set at once, into one folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mousepose.dataset.dataset import FILM_SAMPLE, VIEWS_SAMPLE, MousePoseDataset
from mousepose.errors import FileError, UnknownNameError
from mousepose.report.dataset import plot_behaviours, plot_keypoints, plot_multiview
from mousepose.report.dataset_samples import plot_film, plot_panels
from mousepose.report.dataset_scans import plot_scan, plot_scans, plot_slices

#: Scans on a sheet.
_MOST_SCANS = 12


def draw_dataset(
    dataset: MousePoseDataset, folder: str | Path, scans: Sequence[str] | None = None
) -> Iterator[Path]:
    """Draw what the data set has into `folder`, which is made; yield each picture's path.

    Of the scans a sheet and the first good one are drawn, or those named in `scans`; of the site's
    samples the slices, the picture of several views and the video. Raises `UnknownNameError` on a
    scan that is not there, `FileError` where nothing can be drawn.
    """
    folder = Path(folder)
    by_name = {path.stem: path for path in dataset.scans}
    for name in scans or ():
        if name.removesuffix(".dcm") not in by_name:
            raise UnknownNameError.of("scan", name, list(by_name)[:20])
    samples = [dataset.path / name for name in (VIEWS_SAMPLE, FILM_SAMPLE)]
    parts = (dataset.frames_path, dataset.multiview_path, dataset.scans, dataset.slices)
    if not any(parts) and not any(path.is_file() for path in samples):
        raise FileError(f"{dataset.path}: holds nothing that can be drawn")
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
    chosen = [name.removesuffix(".dcm") for name in scans] if scans else list(by_name)
    for name in chosen:
        try:
            plot_scan(folder / f"scan_{name}.png", by_name[name])
        except FileError:
            if scans:
                raise
            continue  # the sheet tells what is wrong with it
        yield folder / f"scan_{name}.png"
        if not scans:
            break
    yield from _samples(dataset, folder)


def _samples(dataset: MousePoseDataset, folder: Path) -> Iterator[Path]:
    arrays = [path.stem for path in dataset.slices if path.suffix == ".npz"]
    for path in dataset.slices:
        if path.suffix == ".gif" and any(name.startswith(path.stem) for name in arrays):
            continue  # the same slices, with less said of them
        plot_slices(folder / f"slices_{path.stem}.png", path)
        yield folder / f"slices_{path.stem}.png"
    if dataset.frames_path is not None:
        return  # pictures and videos beside the records are no samples
    for name, plot in ((VIEWS_SAMPLE, plot_panels), (FILM_SAMPLE, plot_film)):
        if (dataset.path / name).is_file():
            target = folder / f"sample_{Path(name).stem}.png"
            plot(target, dataset.path / name)
            yield target
