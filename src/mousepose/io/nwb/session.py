"""What an NWB file must say of the session and the animal, from a small TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mousepose.errors import InputError

#: What a file may look like; shown where none is given.
EXAMPLE = """\
[session]
start_time = 2026-03-02T10:15:00+01:00
description = "Free walking in an open field"
experiment_description = "Gait before and after treatment"
experimenter = ["Curie, Marie"]
institution = "University of Somewhere"
lab = "Movement lab"
keywords = ["mouse", "gait"]

[subject]
subject_id = "mouse-017"
sex = "F"                    # F, M, O (other), U (unknown)
age = "P90D"                 # ISO 8601; or date_of_birth = 2025-12-02
species = "Mus musculus"
strain = "C57BL/6J"
genotype = "wild type"
weight = "0.024 kg"
description = "Naive animal"
"""

_MAX_BYTES = 2**20
_TEXT = {
    "session": ("description", "identifier", "session_id", "experiment_description",
                "institution", "lab", "protocol"),
    "subject": ("subject_id", "sex", "age", "species", "strain", "genotype", "weight",
                "description"),
}  # fmt: skip
_LISTS = ("experimenter", "keywords")
_DATES = {"session": ("start_time",), "subject": ("date_of_birth",)}


@dataclass(frozen=True)
class Session:
    """The session and the animal: fields of NWB by their names there.

    `start_time` is when frame times count from, with its time zone; `subject` has at least
    `subject_id`, `sex`, `species` and `age` or `date_of_birth`.
    """

    start_time: datetime
    subject: dict[str, Any]
    about: dict[str, Any] = field(default_factory=dict)


def read_session(path: str | Path) -> Session:
    """Return what a TOML with the tables [session] and [subject] says; `EXAMPLE` is one.

    Raises `InputError` that lists all that is missing, unknown or of another kind.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is too long for a description of a session")
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise InputError(f"{path} is no TOML: {error}") from error
    problems = _problems(document)
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}. A whole file:\n\n{EXAMPLE}")
    session, subject = dict(document["session"]), dict(document["subject"])
    subject.setdefault("species", "Mus musculus")
    if "date_of_birth" in subject:
        subject["date_of_birth"] = _zoned(subject["date_of_birth"])
    return Session(session.pop("start_time"), subject, session)


def _zoned(date: datetime) -> datetime:
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _problems(document: dict[str, Any]) -> list[str]:
    found = [f"unknown table [{name}]" for name in document if name not in _TEXT]
    for table, texts in _TEXT.items():
        given = document.get(table)
        if not isinstance(given, dict):
            found.append(f"the table [{table}] is missing")
            continue
        lists = _LISTS if table == "session" else ()
        for key, value in given.items():
            if key in _DATES[table]:
                good = isinstance(value, datetime) and (
                    key != "start_time" or value.tzinfo is not None
                )
                if not good:
                    found.append(f"{table}.{key}: expected a date and time with its zone")
            elif key in lists:
                if not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
                    found.append(f"{table}.{key}: expected a list of texts")
            elif key not in texts:
                found.append(f"{table}.{key} is unknown")
            elif not isinstance(value, str) or not value.strip():
                found.append(f"{table}.{key}: expected a text")
    return found + _missing(document.get("session"), document.get("subject"))


def _missing(session: Any, subject: Any) -> list[str]:
    found = []
    if isinstance(session, dict):
        needed = ("start_time", "description")
        found += [f"session.{key} is missing" for key in needed if key not in session]
    if isinstance(subject, dict):
        found += [
            f"subject.{key} is missing" for key in ("subject_id", "sex") if key not in subject
        ]
        if subject.get("sex") not in (None, "F", "M", "O", "U"):
            found.append("subject.sex: expected F, M, O or U")
        if "age" not in subject and "date_of_birth" not in subject:
            found.append("subject.age or subject.date_of_birth is missing")
    return found
