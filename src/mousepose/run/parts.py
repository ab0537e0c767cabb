"""The folder of an unfinished run: what was asked, the animal, and the parts that are done.

It lies beside the output as `OUT.parquet.parts/`: `run.json` (fingerprint), `animal.json` and
`part-000000.parquet`, ... Every file appears whole or not at all, so what is there is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.errors import InputError

_RUN, _ANIMAL, _PARTS = "run.json", "animal.json", "part-*.parquet"


def parts_folder(output: Path) -> Path:
    """Return where the parts of the run that writes `output` lie until it is done."""
    return output.with_name(output.name + ".parts")


class Parts:
    """The parts of the run that writes `output`; `fingerprint` says what would make them differ."""

    def __init__(self, output: Path, fingerprint: Mapping[str, str]) -> None:
        self.folder = parts_folder(output)
        self._fingerprint = dict(fingerprint)

    def open(self, resume: bool) -> None:
        """Make the folder, or go on with one of the same fingerprint where `resume`.

        Raises `InputError` where an unfinished run of another kind lies there.
        """
        if self.folder.exists() and not resume:
            self.remove()
        if not self.folder.exists():
            self.folder.mkdir()
            _write_json(self.folder / _RUN, self._fingerprint)
            return
        found = self._found()
        names = sorted(self._fingerprint.keys() | found.keys())
        differ = [name for name in names if found.get(name) != self._fingerprint.get(name)]
        if differ:
            raise InputError(
                f"{self.folder} holds an unfinished run that differs in: {', '.join(differ)}; "
                "repeat that run's command to finish it, or give --no-resume to start afresh"
            )

    def part(self, number: int) -> Path:
        """Return the path of a part."""
        return self.folder / f"part-{number:06d}.parquet"

    def read_animal(self) -> Any | None:
        """Return what `write_animal` wrote, or None."""
        path = self.folder / _ANIMAL
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def write_animal(self, animal: Mapping[str, Any]) -> None:
        """Keep the animal, so that parts of a resumed run agree with those that are done."""
        _write_json(self.folder / _ANIMAL, animal)

    def remove(self) -> None:
        """Remove the folder. Raises `InputError` where it holds files that are not of a run."""
        known = {_RUN, _ANIMAL}
        files = list(self.folder.iterdir()) if self.folder.is_dir() else [self.folder]
        for file in files:
            ours = file.name in known or file.match(_PARTS) or _is_unfinished(file)
            if not ours or not file.is_file():
                raise InputError(f"{self.folder} is no folder of mousepose: it holds {file.name}")
        for file in files:
            file.unlink()
        self.folder.rmdir()

    def _found(self) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / _RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.folder} cannot be read as an unfinished run ({error}); give --no-resume to "
                "start afresh"
            ) from error
        return found if isinstance(found, dict) else {}


def fingerprint_of(value: object) -> str:
    """Return a digest of a dataclass, arrays, mappings, sequences and plain values in it."""
    digest = hashlib.sha256()
    _add(digest, value)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, value: object) -> None:
    digest.update(type(value).__name__.encode())
    if isinstance(value, np.ndarray):
        digest.update(repr((value.shape, str(value.dtype))).encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            digest.update(field.name.encode())
            _add(digest, getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key in sorted(value):
            digest.update(repr(key).encode())
            _add(digest, value[key])
    elif isinstance(value, tuple | list):
        digest.update(repr(len(value)).encode())
        for item in value:
            _add(digest, item)
    else:
        digest.update(repr(value).encode())


def _is_unfinished(file: Path) -> bool:
    """Tell whether `file` is what `atomic_path` leaves when the process is killed."""
    return file.name.startswith((".part-", ".run.", ".animal."))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
