"""The files of one set of records: one file, `NAME-00000-of-00010`, a pattern, a folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mousepose.errors import FileError

_SHARD = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5,})-of-(?P<count>\d{5,})(?P<rest>.*)$")
_PATTERN_COUNT = re.compile(r"@(\d{1,6})$")
_WILD = re.compile(r"[*?\[]")
#: More files are taken for a mistake.
MAX_SHARDS = 100_000
#: What a folder's record files are called, also before `-00000-of-00010` and `.gz`.
_ENDINGS = (".tfrecord", ".tfrecords", ".tfrec")


def shard_paths(path: str | Path) -> list[Path]:
    """Return the files of a set of records, in order.

    `path` is a file, one shard of several (all of them are returned), a pattern as
    `NAME@10` or `NAME-*`, or a folder. Raises `FileError` where there is none, where shards are
    missing (named), and where a folder holds several sets.
    """
    path = Path(path)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _with_its_siblings(path)
    wanted = _PATTERN_COUNT.search(path.name)
    if wanted:
        count = int(wanted[1])
        stem = path.name[: wanted.start()]
        return _complete([path.parent / shard_name(stem, n, count) for n in range(count)])
    if _WILD.search(path.name) and path.parent.is_dir():
        found = sorted(p for p in path.parent.glob(path.name) if p.is_file())
        if found:
            return _one_set(found, path)
    raise FileError(f"{path}: there is no such file; give a TFRecord file, its shards or a folder")


def shard_name(stem: str, number: int, count: int) -> str:
    """Return what shard `number` (from 0) of `count` is called."""
    return f"{stem}-{number:05d}-of-{count:05d}"


def is_record_name(name: str) -> bool:
    """Tell whether a file's name is that of a TFRecord file or a shard of one."""
    name = name.lower().removesuffix(".gz")
    match = _SHARD.match(name)
    stem = match["stem"] + match["rest"] if match else name
    return stem.endswith(_ENDINGS) or (match is not None and match["stem"].endswith(_ENDINGS))


def _of_folder(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.iterdir() if p.is_file() and is_record_name(p.name))
    if not found:
        raise FileError(f"{folder}: holds no TFRecord file ({', '.join(_ENDINGS)}, or shards)")
    return _one_set(found, folder)


def _one_set(found: Iterable[Path], asked: Path) -> list[Path]:
    """Return the files of the only set among those found."""
    sets: dict[str, list[Path]] = {}
    for path in found:
        match = _SHARD.match(path.name)
        key = f"{match['stem']}@{match['count']}{match['rest']}" if match else path.name
        sets.setdefault(key, []).append(path)
    if len(sets) > 1:
        raise FileError(f"{asked}: holds several sets of records, give one: {', '.join(sets)}")
    return _with_its_siblings(next(iter(sets.values()))[0])


def _with_its_siblings(path: Path) -> list[Path]:
    match = _SHARD.match(path.name)
    if not match:
        return [path]
    count, width = int(match["count"]), len(match["number"])
    if not int(match["number"]) < count <= MAX_SHARDS:
        raise FileError(f"{path}: is shard {match['number']} of {count}, which cannot be")
    names = (
        f"{match['stem']}-{n:0{width}d}-of-{match['count']}{match['rest']}" for n in range(count)
    )
    return _complete([path.parent / name for name in names])


def _complete(paths: list[Path]) -> list[Path]:
    missing = [path.name for path in paths if not path.is_file()]
    if missing or not paths:
        shown = ", ".join(missing[:4]) + (", ..." if len(missing) > 4 else "")
        where = paths[0].parent if paths else ""
        raise FileError(f"{where}: {len(missing)} of {len(paths)} shards are missing: {shown}")
    return paths
