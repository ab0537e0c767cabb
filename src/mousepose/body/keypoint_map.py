"""Where the keypoints of a tracker sit on the body: TOML files, one for each set of keypoints.

A tracker marks skin, not joint centres, so a map gives every keypoint a bone, an offset on it and
how far the real mark wanders from there. Offsets are in the animal's own axes (mm forward, left and
up, in the rest pose) from the joint at which the bone ends, so one map fits bodies with any axes.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.body.model import BodyModel, Marks
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.skeleton import JOINT_NAMES, canonical_name
from mousepose.types import Floats

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

#: A map is a few kilobytes.
_MAX_BYTES = 1_000_000
_FIELDS = frozenset({"bone", "offset_mm", "sigma_mm", "aliases", "origin", "offset_sd_mm"})


@dataclass(frozen=True, eq=False)
class KeypointMap:
    """Keypoints on the body: `names` (M,), `bones` (M,) joint names, `offset` (M, 3), `sigma` (M,).

    `offset` mm is forward, left, up; `sigma` mm is 1 SD per axis. `aliases` gives other spellings
    of a name. `source` says where the names come from, `origins` where a keypoint's offset does and
    `offset_sd` (M, 3) mm how sure it is (1 SD, NaN where nobody said). Raises `InputError` for a
    bone that no body has, or where the fields do not fit.
    """

    names: tuple[str, ...]
    bones: tuple[str, ...]
    offset: Floats
    sigma: Floats
    aliases: Mapping[str, tuple[str, ...]]
    description: str = ""
    source: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    offset_sd: Floats | None = None

    def __post_init__(self) -> None:
        count = len(self.names)
        shapes = (len(self.bones), self.offset.shape, self.sigma.shape)
        if shapes != (count, (count, 3), (count,)):
            raise InputError(
                f"{count} keypoints need {count} bones, offset ({count}, 3) and sigma ({count},); "
                f"got {shapes[0]}, {shapes[1]}, {shapes[2]}"
            )
        for name, bone, sigma in zip(self.names, self.bones, self.sigma, strict=True):
            _known_bone(bone, JOINT_NAMES, name)
            if not sigma >= 0:
                raise InputError(f"keypoint {name!r}: sigma_mm must be 0 or more, got {sigma}")
        if not np.isfinite(self.offset).all():
            raise InputError("keypoint offsets must be finite")
        if self.offset_sd is not None:
            if self.offset_sd.shape != (count, 3):
                raise InputError(f"offset_sd: expected ({count}, 3), got {self.offset_sd.shape}")
            if (self.offset_sd < 0).any():
                raise InputError("offset_sd_mm must be 0 or more")
        keys = [_key(name) for name in self.names]
        for name, key in zip(self.names, keys, strict=True):
            if keys.count(key) > 1:
                raise InputError(f"keypoint {name!r} is named twice, but for case and punctuation")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def common_origin(self) -> str:
        """Return where most offsets come from, "" where no origin is that of most."""
        most = Counter(self.origins.values()).most_common(1)
        shared = most and most[0][1] > len(self) / 2 and len(self.origins) == len(self)
        return most[0][0] if shared else ""

    def needed(self, usual: int) -> int:
        """Return how many keypoints a pose needs where `usual` do: 3 or more, but all at most."""
        return max(min(usual, len(self)), 3)

    def marks(self, body: BodyModel) -> Marks:
        """Return the keypoints as points on the bones of `body`.

        Raises `UnknownNameError`, listing the body's bones, where one of them is not there.
        """
        known = body.skeleton.joint_names
        for name, bone in zip(self.names, self.bones, strict=True):
            _known_bone(bone, known, name)
        bone_index = np.array([known.index(bone) for bone in self.bones], np.int64)
        return Marks(self.names, bone_index, self.offset @ body.axes, self.sigma)

    def restricted_to(self, body: BodyModel) -> KeypointMap:
        """Return only the keypoints whose bones `body` has."""
        known = body.skeleton.joint_names
        return self._take([i for i, bone in enumerate(self.bones) if bone in known])

    def select(self, columns: Iterable[str]) -> Selection:
        """Return the map in the order of a file's columns, and which names had no partner.

        A column matches its keypoint in any case and punctuation, and under its aliases or those of
        the dataset. Raises `InputError` where two columns are the same keypoint.
        """
        place: dict[str | None, int] = {}
        for i, name in enumerate(self.names):
            place |= {_key(spelling): i for spelling in (name, *self.aliases.get(name, ()))}
        taken: dict[int, int] = {}
        unknown: list[str] = []
        columns = list(columns)
        for index, column in enumerate(columns):
            row = place.get(_key(column), place.get(_dataset_key(column)))
            if row is None:
                unknown.append(column)
            elif row in taken:
                both = f"{columns[taken[row]]!r} and {column!r}"
                raise InputError(f"columns {both} are both keypoint {self.names[row]!r}")
            else:
                taken[row] = index
        missing = [name for i, name in enumerate(self.names) if i not in taken]
        return Selection(self._take(list(taken)), tuple(taken.values()), unknown, missing)

    def _take(self, rows: list[int]) -> KeypointMap:
        names = tuple(self.names[i] for i in rows)
        return replace(
            self,
            names=names,
            bones=tuple(self.bones[i] for i in rows),
            offset=self.offset[rows],
            sigma=self.sigma[rows],
            aliases={name: a for name, a in self.aliases.items() if name in names},
            origins={name: origin for name, origin in self.origins.items() if name in names},
            offset_sd=None if self.offset_sd is None else self.offset_sd[rows],
        )


@dataclass(frozen=True, eq=False)
class Selection:
    """How a file's columns meet a map.

    `map` holds the keypoints that the file has and `columns` their places in it, so that
    `xy[..., columns, :]` stands in the order of `map.names`. `unknown` are columns that the map
    does not know, `missing` keypoints that the file does not have.
    """

    map: KeypointMap
    columns: tuple[int, ...]
    unknown: list[str]
    missing: list[str]

    @property
    def problems(self) -> list[str]:
        """Return a sentence for each unknown column, with the nearest missing name, and gap."""
        strange = [f"column {c!r} is no keypoint{_hint(c, self.missing)}" for c in self.unknown]
        return strange + [f"keypoint {name!r} has no column" for name in self.missing]


def shipped_maps() -> tuple[str, ...]:
    """Return the names of the keypoint maps that come with the package."""
    files = _shipped_folder().iterdir()
    return tuple(sorted(f.name[:-5] for f in files if f.name.endswith(".toml")))


def load_keypoint_map(name_or_path: str | Path) -> KeypointMap:
    """Return a keypoint map: a shipped one by its name, any other by the path of its TOML file.

    Raises `UnknownNameError` for a name that is not shipped, `FileError` for a bad file.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and not text.endswith(".toml") and os.sep not in text:
        known = shipped_maps()
        if text not in known:
            hint = _hint(text, known)
            raise UnknownNameError(f"{UnknownNameError.of('keypoint map', text, known)}{hint}")
        return _shipped_map(text)
    return _parsed(_read(Path(name_or_path)), text)


@lru_cache(maxsize=32)
def _shipped_map(name: str) -> KeypointMap:
    """Return a shipped map, read once; its arrays are locked, for all callers share them."""
    text = (_shipped_folder() / f"{name}.toml").read_text(encoding="utf-8")
    keypoint_map = _parsed(text, name)
    for array in (keypoint_map.offset, keypoint_map.sigma):
        array.setflags(write=False)
    return keypoint_map


def _parsed(content: str, what: str) -> KeypointMap:
    try:
        return _from_table(tomllib.loads(content))
    except (tomllib.TOMLDecodeError, InputError) as error:
        raise FileError(f"keypoint map {what}: {error}") from error


def write_keypoint_map(
    path: str | Path,
    keypoint_map: KeypointMap,
    *,
    header: str = "",
    comments: Mapping[str, str] | None = None,
    footer: str = "",
) -> None:
    """Write a map as the TOML file that `load_keypoint_map` reads, numbers rounded to 1 um.

    `header`, the `comments` on single keypoints and `footer` become comments of the file. Raises
    `FileError` where the folder is missing or the file cannot be written.
    """
    path, comments = Path(path), comments or {}
    origin = keypoint_map.common_origin
    lines = _comment(header)
    lines.append(f"description = {_quoted(keypoint_map.description)}")
    lines.append(f"source = {_quoted(keypoint_map.source)}")
    if origin:
        lines.append(f"origin = {_quoted(origin)}")
    for i, name in enumerate(keypoint_map.names):
        lines += ["", *_comment(comments.get(name, "")), *_entry_lines(keypoint_map, i, origin)]
    lines += ["", *_comment(footer)] if footer else []
    try:
        with atomic_path(path) as unfinished:
            unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error


def _entry_lines(keypoint_map: KeypointMap, row: int, common_origin: str) -> list[str]:
    name = keypoint_map.names[row]
    lines = [
        f"[keypoints.{_quoted(name)}]",
        f"bone = {_quoted(keypoint_map.bones[row])}",
        f"offset_mm = {_decimals(keypoint_map.offset[row])}",
        f"sigma_mm = {_decimal(keypoint_map.sigma[row])}",
    ]
    if keypoint_map.offset_sd is not None and not np.isnan(keypoint_map.offset_sd[row]).all():
        lines.append(f"offset_sd_mm = {_decimals(keypoint_map.offset_sd[row])}")
    if keypoint_map.aliases.get(name):
        aliases = ", ".join(_quoted(alias) for alias in keypoint_map.aliases[name])
        lines.append(f"aliases = [{aliases}]")
    if keypoint_map.origins.get(name, common_origin) != common_origin:
        lines.append(f"origin = {_quoted(keypoint_map.origins[name])}")
    return lines


def _comment(text: str) -> list[str]:
    """Return text as lines of comment; what TOML allows in none is left out."""
    lines = ["".join(c for c in line if c == "\t" or c.isprintable()) for line in text.splitlines()]
    return [f"# {line}".rstrip() for line in lines]


def _shipped_folder() -> Traversable:
    return resources.files("mousepose") / "data" / "keypoints"


def _from_table(table: dict[str, Any]) -> KeypointMap:
    entries = table.get("keypoints")
    if not isinstance(entries, dict) or not entries:
        raise InputError("expected one [keypoints.NAME] table for each keypoint, found none")
    for name, entry in entries.items():
        _check_entry(name, entry)
    default = table.get("origin", "")
    origins = {name: str(entry.get("origin", default)) for name, entry in entries.items()}
    sd = [entry.get("offset_sd_mm", [np.nan] * 3) for entry in entries.values()]
    return KeypointMap(
        names=tuple(entries),
        bones=tuple(entry["bone"] for entry in entries.values()),
        offset=np.array([entry["offset_mm"] for entry in entries.values()], np.float64),
        sigma=np.array([entry["sigma_mm"] for entry in entries.values()], np.float64),
        aliases={n: tuple(e["aliases"]) for n, e in entries.items() if e.get("aliases")},
        description=str(table.get("description", "")),
        source=str(table.get("source", "")),
        origins={name: origin for name, origin in origins.items() if origin},
        offset_sd=None if np.isnan(sd).all() else np.array(sd, np.float64),
    )


def _check_entry(name: str, entry: object) -> None:
    if not isinstance(entry, dict):
        raise InputError(f"keypoint {name!r}: expected a table, got {entry!r}")
    for key in entry.keys() - _FIELDS:
        raise InputError(f"keypoint {name!r}: unknown field {key!r}{_hint(key, _FIELDS)}")
    aliases = entry.get("aliases", [])
    for good, expected in (
        (isinstance(entry.get("bone"), str), 'bone = "JOINT_NAME"'),
        (_is_vector(entry.get("offset_mm")), "offset_mm = [forward, left, up]"),
        (_is_vector(entry.get("offset_sd_mm", [1, 1, 1])), "offset_sd_mm = [forward, left, up]"),
        (isinstance(entry.get("origin", ""), str), 'origin = "TEXT"'),
        (_is_number(entry.get("sigma_mm")), "sigma_mm = number"),
        (
            isinstance(aliases, list) and all(isinstance(alias, str) for alias in aliases),
            'aliases = ["NAME", ...]',
        ),
    ):
        if not good:
            raise InputError(f"keypoint {name!r}: expected {expected}")


def _is_vector(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _known_bone(bone: str, known: Iterable[str], keypoint: str) -> None:
    if bone not in known:
        error = UnknownNameError.of("bone", bone, known)
        raise UnknownNameError(f"keypoint {keypoint!r}: {error}{_hint(bone, known)}")


def _hint(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'X'?" for the known name nearest to `name`, or nothing."""
    by_key = {_key(other): other for other in known}
    close = difflib.get_close_matches(_key(name), by_key, n=1)
    return f"; did you mean {by_key[close[0]]!r}?" if close else ""


def _key(name: str) -> str:
    """Return what is left of a name without case, blanks and punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum()) or name


def _dataset_key(column: str) -> str | None:
    try:
        return _key(canonical_name(column))
    except UnknownNameError:
        return None


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path}: larger than {_MAX_BYTES:,} bytes, no keypoint map")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not a text file") from error


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _decimals(values: Floats) -> str:
    return f"[{', '.join(_decimal(value) for value in values)}]"


def _decimal(value: float) -> str:
    return str(round(float(value), 3) + 0.0)  # + 0.0: no minus before zero
