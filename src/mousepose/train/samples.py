"""Pictures with known keypoints, in folders of shards: what training reads, real or rendered.

**Crops** (`kind` "crops", 128 x 128 px) show one mouse. Its box is the bounding box of the
keypoints without MID_TAIL and TIP_TAIL (of a detected mouse: of its outline without the tail). The
crop is the square about the box's centre with a side of `CROP_FACTOR` times the box's longer side,
resampled to the size of the network's input; see `crop_of_box`. Rendered crops jitter the centre by
up to 8 % of the crop's side in x and in y, and the side by a factor of 0.8 to 1.25, as a detector
would. Keypoints beyond the picture's edge keep their place, with state 1 (hidden).

**Frames** (`kind` "frames", 192 x 192 px) are whole grey frames, letterboxed with black, of none to
two mice; `box` holds the mice's boxes by the same convention, `xy` the keypoints of the first.

Pixels: x right, y down, the centre of the top-left pixel is (0, 0). A folder holds `samples.json`
(where the samples come from) and shards `00000.npz`, ...: plain uncompressed npz that are mapped
into memory, not read, so that a million samples cost only what is looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mousepose.atomic import atomic_path
from mousepose.errors import FileError, InputError
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.types import Bytes, Floats, Ints, require

#: Side of a crop and of a whole frame, px.
CROP_SIZE, FRAME_SIZE = 128, 192
#: A crop's side as a multiple of its box's longer side.
CROP_FACTOR = 1.6
#: How far rendered crops are off: centre as a share of the side, and factors of the side.
CENTRE_JITTER = 0.08
SIDE_JITTER = (0.8, 1.25)
#: At most so many mice have a box in a frame.
MOST_BOXES = 2

#: Values of `Samples.state`.
UNLABELLED, HIDDEN, VISIBLE = 0, 1, 2
#: Names of the values of `Samples.view`, from 0.
VIEWS = ("unknown", "top", "side", "bottom")

#: Keypoints that count for the box of a mouse: all but those of the tail.
BOX_KEYPOINTS: Ints = np.array(
    [k for k, name in enumerate(KEYPOINT_NAMES) if name not in ("MID_TAIL", "TIP_TAIL")]
)

_FORMAT = "mousepose samples 1"
_KINDS = ("crops", "frames")
_HEADER = "samples.json"
_SHARD = re.compile(r"\d{5}\.npz")
_MOST_HEADER = 1_000_000
_MOST_SHARD = 4_000_000_000
_LOCAL_HEADER = 30  # bytes of a zip entry before its name

#: What reading a file that was altered may raise; numpy parses headers as Python literals.
_UNREADABLE = (
    OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile, SyntaxError, TokenError,
)  # fmt: skip
_TYPES = {
    "images": np.uint8, "xy": np.float32, "state": np.uint8, "view": np.uint8,
    "length": np.float32, "box": np.float32,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Samples:
    """N grey pictures with keypoints in the order of `skeleton.KEYPOINT_NAMES` (K = 22).

    `images` (N, S, S) uint8; `xy` (N, K, 2) float32 px, NaN = not labelled; `state` (N, K) uint8:
    0 not labelled, 1 labelled but hidden, 2 visible; `view` (N,) uint8: 0 unknown, 1 top, 2 side or
    oblique, 3 bottom; `length` (N,) float32 px, nose to tail root as long as it would be were it
    not foreshortened, NaN where unknown; `box` (N, 2, 4) float32, only of whole frames: left, top,
    right, bottom px of up to two mice, NaN where there is none.
    Raises `InputError` where the fields do not fit together.
    """

    images: Bytes
    xy: NDArray[np.float32]
    state: Bytes
    view: Bytes
    length: NDArray[np.float32]
    box: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        count, size, points = len(self.images), self.images.shape[-1], len(KEYPOINT_NAMES)
        for name, shape in {
            "images": (count, size, size), "xy": (count, points, 2), "state": (count, points),
            "view": (count,), "length": (count,), "box": (count, MOST_BOXES, 4),
        }.items():  # fmt: skip
            have = getattr(self, name)
            if have is None:
                continue
            good = have.shape == shape and have.dtype == _TYPES[name]
            want = f"{np.dtype(_TYPES[name])} {shape}"
            require(good, f"samples: {name}: expected {want}, got {have.dtype} {have.shape}")
        require(bool((self.state <= VISIBLE).all()), "samples: state: expected 0, 1 or 2")
        require(bool((self.view < len(VIEWS)).all()), "samples: view: expected 0 to 3")
        labelled = np.isfinite(self.xy).all(axis=-1)
        require(
            bool((labelled == (self.state > UNLABELLED)).all()),
            "samples: xy must be NaN where state is 0, and finite elsewhere",
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | ArrayLike) -> Samples:
        """Return some of the samples: a slice, or an array of indices or of truth values."""
        rows = index if isinstance(index, slice) else np.asarray(index)
        return Samples(*(None if a is None else np.asarray(a[rows]) for a in self._arrays()))  # type: ignore[arg-type]

    @classmethod
    def joined(cls, parts: Sequence[Samples]) -> Samples:
        """Return samples of the same size and kind, one part after the other."""
        require(len(parts) > 0, "samples: nothing to join")
        columns = zip(*(part._arrays() for part in parts), strict=True)
        joined = [None if column[0] is None else np.concatenate(column) for column in columns]
        return cls(*joined)  # type: ignore[arg-type]

    def _arrays(self) -> tuple[NDArray[Any] | None, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))


def crop_of_box(box: ArrayLike) -> tuple[Floats, Floats]:
    """Return the centre (*B, 2) px and the side (*B,) px of the crop of boxes (*B, 4).

    A box is left, top, right, bottom px.
    """
    corners = np.asarray(box, np.float64)
    low, high = corners[..., :2], corners[..., 2:]
    return (low + high) / 2, np.asarray(CROP_FACTOR * (high - low).max(axis=-1))


def box_of_keypoints(xy: ArrayLike) -> Floats:
    """Return the boxes (*B, 4) of mice with keypoints (*B, K, 2), the tail left out.

    NaN where no such point is labelled.
    """
    points = np.asarray(xy, np.float64)[..., BOX_KEYPOINTS, :]
    known = np.isfinite(points)
    low = np.where(known, points, np.inf).min(axis=-2)
    high = np.where(known, points, -np.inf).max(axis=-2)
    boxes = np.concatenate([low, high], axis=-1)
    return np.where(np.isfinite(boxes).all(axis=-1, keepdims=True), boxes, np.nan)


class SampleWriter:
    """Writes the shards of a folder; a folder that was begun with the same header is gone on with.

    `header` says where the samples come from: any of JSON's values, with at least "licence".
    Raises `InputError` where the folder was begun with another header, and `FileError` where it
    holds something else.
    """

    def __init__(
        self, folder: str | Path, header: Mapping[str, Any], *, kind: str = "crops"
    ) -> None:
        require(kind in _KINDS, f"samples: kind: expected {' or '.join(_KINDS)}, got {kind!r}")
        require("licence" in header, "samples: the header must name the licence of the pictures")
        self.folder = Path(folder)
        self.kind = kind
        full = {"format": _FORMAT, "kind": kind, "keypoints": list(KEYPOINT_NAMES), **header}
        if (self.folder / _HEADER).exists():
            found = _read_header(self.folder)
            wanted = json.loads(json.dumps(full))
            differ = [k for k in sorted({*found, *wanted}) if found.get(k) != wanted.get(k)]
            require(
                not differ,
                f"{self.folder} holds samples that differ in: {', '.join(differ)}; "
                "choose another folder, or give the options with which it was begun",
            )
            return
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise FileError(f"{self.folder}: expected an empty folder, or one of samples")
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.folder / _HEADER) as temporary:
            temporary.write_text(json.dumps(full, indent=1), encoding="utf-8")

    def shard(self, number: int) -> Path:
        """Return the path of a shard."""
        return self.folder / f"{number:05d}.npz"

    def missing(self, shards: int) -> list[int]:
        """Return which of the first `shards` shards are not there yet."""
        return [k for k in range(shards) if not self.shard(k).exists()]

    def write(self, number: int, samples: Samples) -> None:
        """Write one shard. Raises `InputError` for samples of the other kind."""
        require(
            (samples.box is not None) == (self.kind == "frames"),
            f"samples: {self.kind} come {'with' if self.kind == 'frames' else 'without'} boxes",
        )
        arrays = {name: getattr(samples, name) for name in _TYPES}
        with atomic_path(self.shard(number)) as temporary:
            np.savez(temporary, **{k: v for k, v in arrays.items() if v is not None})


class SampleFolder:
    """The samples in a folder, in the order of the shards; pictures are read when asked for.

    `header` is what `samples.json` says. Raises `FileError` for a folder that holds none, a shard
    that is cut or altered, and pictures of different sizes.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.header = _read_header(self.folder)
        self.kind = str(self.header["kind"])
        paths = sorted(p for p in self.folder.iterdir() if _SHARD.fullmatch(p.name))
        if not paths:
            raise FileError(f"{self.folder}: holds {_HEADER} but no shard (00000.npz, ...)")
        self._shards = [_open_shard(path, self.kind) for path in paths]
        sizes = sorted({shard.images.shape[-1] for shard in self._shards})
        if len(sizes) > 1:
            raise FileError(f"{self.folder}: shards hold pictures of {sizes} px; expected one size")
        self.size = sizes[0]
        self._ends = np.cumsum([len(shard) for shard in self._shards])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __iter__(self) -> Iterator[Samples]:
        """Go through the shards."""
        return iter(self._shards)

    def take(self, indices: ArrayLike) -> Samples:
        """Return the samples (N,) at `indices`, in that order.

        Raises `InputError` for an index outside.
        """
        wanted = np.asarray(indices, np.int64).ravel()
        inside = wanted.size == 0 or (wanted.min() >= 0 and wanted.max() < len(self))
        require(bool(inside), f"{self.folder}: holds samples 0 to {len(self) - 1}")
        shard = np.searchsorted(self._ends, wanted, side="right")
        used = np.unique(shard) if wanted.size else np.zeros(1, np.int64)
        starts = self._ends - [len(one) for one in self._shards]
        parts = [self._shards[k][wanted[shard == k] - starts[k]] for k in used]
        came = np.concatenate([np.flatnonzero(shard == k) for k in used])
        return Samples.joined(parts)[np.argsort(came)]


def _read_header(folder: Path) -> dict[str, Any]:
    path = folder / _HEADER
    try:
        if path.stat().st_size > _MOST_HEADER:
            raise FileError(f"{path}: larger than {_MOST_HEADER:,} bytes, no header of samples")
        header = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{folder}: no folder of samples: {_HEADER} cannot be read") from error
    except ValueError as error:
        raise FileError(f"{path}: cut or altered, no JSON: {error}") from error
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise FileError(f"{path}: expected the format {_FORMAT!r}")
    if header.get("kind") not in _KINDS:
        raise FileError(f"{path}: kind: expected {' or '.join(_KINDS)}")
    if header.get("keypoints") != list(KEYPOINT_NAMES):
        raise FileError(f"{path}: has other keypoints than this version of mousepose; make it anew")
    return header


def _open_shard(path: Path, kind: str) -> Samples:
    advice = "cut or altered; delete it and give the command that made it again"
    try:
        if path.stat().st_size > _MOST_SHARD:
            raise FileError(f"{path}: larger than {_MOST_SHARD:,} bytes, no shard of samples")
        with path.open("rb") as stream, ZipFile(stream) as archive:
            entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wanted = [name for name in _TYPES if name != "box" or kind == "frames"]
            arrays = {name: _mapped(path, stream, entries[name]) for name in wanted}
        return Samples(**arrays)
    except FileError:
        raise
    except InputError as error:
        raise FileError(f"{path}: {error}; {advice}") from error
    except _UNREADABLE as error:
        raise FileError(f"{path}: no shard of samples ({error}): {advice}") from error


def _mapped(path: Path, stream: BinaryIO, entry: ZipInfo) -> NDArray[Any]:
    """Return an array of an uncompressed npz without reading it."""
    if entry.compress_type != 0:
        raise ValueError("it is compressed")
    stream.seek(entry.header_offset)
    local = stream.read(_LOCAL_HEADER)
    names = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    stream.seek(entry.header_offset + _LOCAL_HEADER + names)
    begin = stream.tell()
    np.lib.format.read_magic(stream)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    offset = stream.tell()
    count = int(np.prod(shape, dtype=np.int64))
    if fortran or dtype.hasobject or offset - begin + count * dtype.itemsize != entry.file_size:
        raise ValueError("its arrays are not as long as they say")
    if count == 0:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r", offset, shape)
