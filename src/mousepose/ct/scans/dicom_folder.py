"""Which scan a folder of DICOM files holds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from mousepose.ct.scans.dicom import open_file, open_series
from mousepose.ct.scans.dicom_header import Header, read_header, text
from mousepose.ct.scans.scan_errors import reading
from mousepose.ct.scans.scan_stack import Stack
from mousepose.errors import FileError

#: A series of fewer slices is a localizer where there is a longer one.
_FEWEST_SLICES = 8


def open_folder(
    folder: Path, files: list[Path], *, series: str | None, spacing_given: bool
) -> Stack:
    """Return the scan in the DICOM `files` of a folder.

    Of several series, `series` is chosen by its number, description or UID. Without it the only
    one that is no localizer is taken. Raises `FileError` where there is no single choice.
    """
    grouped: dict[str, list[Header]] = defaultdict(list)
    for path in files:
        header = read_header(path)
        with reading(path, "DICOM file"):
            grouped[text(header.tags, "SeriesInstanceUID")].append(header)
    volumes = [header for group in grouped.values() for header in group if header.shape[0] > 1]
    if len(volumes) > 1 and series is None:
        shown = ", ".join(sorted(header.path.name for header in volumes)[:4])
        raise FileError(
            f"{folder} holds {len(volumes)} whole scans ({shown} ...); give one of the files"
        )
    chosen, notes = _chosen(folder, list(grouped.values()), series)
    whole = [header for header in chosen if header.shape[0] > 1]
    if whole:
        if len(chosen) > 1:
            raise FileError(
                f"{folder}: a series of {len(chosen)} files, but {whole[0].path.name} has several "
                "slices by itself; give that file"
            )
        stack = open_file(whole[0].path, spacing_given=spacing_given)
    else:
        stack = open_series(folder, chosen, spacing_given=spacing_given)
    return replace(stack, notes=(*stack.notes, *notes))


def _chosen(
    folder: Path, groups: list[list[Header]], series: str | None
) -> tuple[list[Header], tuple[str, ...]]:
    groups = sorted(groups, key=_name)
    if series is not None:
        fitting = [group for group in groups if series in _names(group[0])]
        if len(fitting) != 1:
            raise FileError(
                f"{folder}: {len(fitting)} series are called {series!r}; there are "
                f"{_listed(groups)}"
            )
        return fitting[0], ()
    if len(groups) == 1:
        return groups[0], ()
    long = [group for group in groups if sum(h.shape[0] for h in group) >= _FEWEST_SLICES]
    if len(long) != 1:
        raise FileError(
            f"{folder} holds {len(groups)} series; choose one with series: {_listed(groups)}"
        )
    return long[0], (f"series {_name(long[0])} of {len(groups)}; the others are too short",)


def _names(header: Header) -> tuple[str, str, str]:
    tags = header.tags
    return (
        text(tags, "SeriesNumber"),
        text(tags, "SeriesDescription"),
        text(tags, "SeriesInstanceUID"),
    )


def _name(group: list[Header]) -> str:
    number, description, uid = _names(group[0])
    return f"{number or uid} ({description})" if description else (number or uid or "unnamed")


def _listed(groups: list[list[Header]]) -> str:
    return ", ".join(f"{_name(group)}: {sum(h.shape[0] for h in group)} slices" for group in groups)
