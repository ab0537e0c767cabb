"""A room: its cages, and how they are watched, from one TOML file that is checked whole."""

from __future__ import annotations

import difflib
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mousepose.errors import FileError
from mousepose.monitor.room_settings import Cage, Room, Settings

__all__ = ["Cage", "Room", "example_room", "load_room"]

#: A file of settings is a few kilobytes; a thousand cages take some more.
_MOST_BYTES = 2_000_000
#: What is expected, in words, by pydantic's name of the fault; others say it themselves.
_EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "path_type": "a path in quotes",
    "tuple_type": "a list in brackets",
    "model_type": "a table",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "datetime_type": "a time as 2026-05-01T08:00:00Z",
}
#: Of these one gives a cage's scale.
_SCALES = ("floor", "body-length", "weight", "camera-height")

#: What a source may be.
_KINDS = "folder, files, rtsp, usb, replay"

_EXAMPLE = """\
# A room for `mousepose monitor`. Paths are taken from the folder of this file; in ledger, store,
# url and webhook ${NAME} stands for the environment's variable of that name.

study = "ageing"                    # names: letters, digits, . _ -
time-zone = "Europe/Berlin"         # of the times in file names; everything else is UTC
ledger = "sqlite:///ledger.db"      # or postgresql+pg8000://user:${DB_PASSWORD}@host/database
store = "store"                     # a folder, or a URL such as s3://bucket/mice
spool = "spool"                     # where cameras are recorded
workers = 2                         # segments worked on at once
lease = 120.0                       # s without a sign of life after which work is redone
time-limit = 3600.0                 # s that one stage of a segment may take
cluster = "local"                   # or tcp://host:8786 of a Dask scheduler, or slurm
border-timeout = 60.0               # s for which a late segment still continues the one before
compaction-hour = 3.0               # UTC; days that are over are put into one file a table

[retention]                         # days; tables that are not named stay for ever
points = 30
carry = 2

[behind]                            # more than `after` s of film wait: look at every k-th frame
after = 1800.0
every = 3                           # k at most; 1: never skip

[alerts]
# webhook = "https://example.org/hooks/${HOOK}"
gone-minutes = 5.0                  # no new film of a cage
unseen-minutes = 60.0               # film in which no mouse is seen
behind-minutes = 30.0               # film that waits
disk-free-percent = 10.0
activity-share = 0.2                # an animal moves for less than this share of its own usual time
activity-hours = 2.0                # in these hours, against the same of earlier days
drinking-share = 0.2                # the same of time at the spout
drinking-hours = 12.0
baseline-days = 3.0                 # days that tell what is usual
repeat-minutes = 60.0               # the same alert is not told sooner

[watch]                             # the dashboard
host = "127.0.0.1"                  # who may ask for it: only this machine
port = 8470
# token = "${MOUSEPOSE_TOKEN}"      # 16 letters or more; needed for anything that changes
lights-on = "07:00"
lights-off = "19:00"

[[cage]]
name = "A1"
camera = "A1.toml"                  # of mousepose calibrate
floor = true                        # or body-length (mm), weight (g), camera-height (mm)
view = "top"
# spout = [600, 40, 630, 80]        # where water is: left, top, right, bottom in px
[cage.source]
kind = "folder"                     # a recorder writes here; taken when a file grows no more
folder = "videos/A1"
pattern = "{:%Y-%m-%d_%H-%M-%S}"    # how names hold the start
[[cage.animal]]                     # or animals = 1
id = "m017"
group = "old"                       # keys of your own are kept

[[cage]]
name = "A2"
camera = "A2.toml"
animals = 2
body-length = 85.0
[cage.source]
kind = "rtsp"                       # also: usb (device = "/dev/video0"), files, replay
url = "rtsp://camera2.example.org/stream"
segment = 60.0                      # s
"""


def load_room(path: str | Path) -> Room:
    """Return the room of a TOML file. Raises `FileError` that names every fault of it."""
    path = Path(path)
    table = _table(path)
    faults = list(_clashes(table))
    try:
        room = Room.model_validate(table, context={"folder": path.absolute().parent})
    except ValidationError as error:
        faults = [*_faults(error, table), *faults]
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise FileError(f"{path}: {count}:\n  " + "\n  ".join(faults))
    return room


def example_room() -> str:
    """Return a file of a room with every key that is often set, to begin with."""
    return _EXAMPLE


def _table(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FileError(f"{path}: larger than {_MOST_BYTES:,} bytes, no file of a room")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not a text file") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileError(f"{path}: no TOML: {error}") from error


def _faults(error: ValidationError, table: Mapping[str, Any]) -> list[str]:
    """Return each fault of a table in words: where, what was expected, what is there."""
    told = []
    for fault in error.errors(include_url=False):
        place = _place(fault["loc"], table)
        kind, message = fault["type"], fault["msg"].removeprefix("Value error, ")
        if kind == "extra_forbidden":
            told.append(f"{place}: unknown key{_hint(str(fault['loc'][-1]))}")
        elif kind == "missing":
            told.append(f"{place}: is missing")
        elif kind in {"union_tag_invalid", "union_tag_not_found"}:
            told.append(f"{place}.kind: expected one of {_KINDS}")
        elif kind == "value_error":
            told.append(f"{place}: {'; '.join(map(str.strip, message.splitlines()))}")
        else:
            expected = _EXPECTED.get(kind, message.removeprefix("Input should be "))
            told.append(f"{place}: expected {expected}, got {_short(fault['input'])}")
    return told


def _clashes(table: Mapping[str, Any]) -> Iterator[str]:
    """Give what is wrong between keys that are each right by themselves."""
    cages = _tables(table.get("cage"))
    if table.get("cage") == []:
        yield "cage: expected at least one"
    names = Counter(str(cage.get("name")).casefold() for cage in cages if "name" in cage)
    for name in sorted(name for name, count in names.items() if count > 1):
        yield f"cage {name}: {names[name]} cages have this name (capitals do not tell names apart)"
    folders: dict[tuple[str, str], str] = {}
    for cage in cages:
        name = str(cage.get("name"))
        source = cage.get("source")
        if isinstance(source, Mapping) and source.get("kind") == "folder":
            what = (str(source.get("folder")).rstrip("/"), str(source.get("pattern")))
            if what in folders:
                yield f"cage {name}: watches the same files as cage {folders[what]}"
            folders.setdefault(what, name)
        given = [key for key in _SCALES if cage.get(key)]
        if len(given) > 1:
            yield f"cage {name}: {' and '.join(given)}: one thing gives the scale, choose one"
        animals = [str(one.get("id")) for one in _tables(cage.get("animal"))]
        if animals and "animals" in cage and cage["animals"] != len(animals):
            yield f"cage {name}: animals = {cage['animals']}, but {len(animals)} are listed"
        if len(set(animals)) < len(animals):
            yield f"cage {name}: two animals have one id"


def _tables(found: Any) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _place(loc: tuple[int | str, ...], table: Mapping[str, Any]) -> str:
    """Return where a fault is, cages by their names."""
    parts = list(loc)
    if "source" in parts[:-1]:  # after it pydantic names the kind
        del parts[parts.index("source") + 1]
    words = []
    if parts[:1] == ["cage"] and len(parts) > 1 and isinstance(parts[1], int):
        cage = table["cage"][parts[1]]
        name = cage.get("name") if isinstance(cage, Mapping) else None
        words = [f"cage {name if isinstance(name, str) else parts[1] + 1}"]
        parts = parts[2:]
    keys = ".".join(str(part + 1) if isinstance(part, int) else part for part in parts)
    return ": ".join([*words, *([keys] if keys else [])])


def _hint(key: str) -> str:
    known = {
        str(field.alias)
        for kind in Settings.__subclasses__()
        for field in kind.model_fields.values()
    }
    close = difflib.get_close_matches(key.replace("_", "-").lower(), sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
