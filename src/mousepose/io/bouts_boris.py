"""Bouts as a project of BORIS: its ethogram, its subjects, and an observation a recording.

Friard & Gamba 2016, BORIS. Observations are "live" ones, which need no video; each bout is two
events of a state, one when it begins and one when it ends.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.errors import FileError

if TYPE_CHECKING:
    import pandas as pd

_VERSION = "7.0"
_STATE = "State event"
_MAX_BYTES = 1 << 28
#: BORIS refuses dates that are none; this one is plainly not that of an experiment.
_NO_DATE = "1970-01-01T00:00:00"


def write_boris(path: Path, bouts: pd.DataFrame, name: str) -> None:
    """Write a project called `name` that BORIS 7 and later open."""
    behaviours = sorted(map(str, bouts["behaviour"].unique()))
    animals = sorted(map(str, bouts["animal"].unique()))
    observations = {
        str(recording): _observation(own)
        for recording, own in bouts.groupby("recording", sort=False)
    }
    project: dict[str, Any] = {
        "time_format": "hh:mm:ss",
        "project_date": _NO_DATE,
        "project_name": name,
        "project_description": "Bouts of behaviour, as mousepose tells them from poses.",
        "project_format_version": _VERSION,
        "subjects_conf": {
            str(number): {"key": "", "name": animal, "description": ""}
            for number, animal in enumerate(animals)
        },
        "behaviors_conf": {
            str(number): _behaviour(behaviour, behaviours)
            for number, behaviour in enumerate(behaviours)
        },
        "observations": observations,
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    path.write_text(json.dumps(project, indent=1) + "\n", encoding="utf-8")


def _behaviour(name: str, every: list[str]) -> dict[str, Any]:
    """Return a line of the ethogram: an animal does one thing at a time."""
    return {
        "type": _STATE, "key": "", "code": name, "description": "", "color": "", "category": "",
        "modifiers": "", "excluded": ",".join(other for other in every if other != name),
        "coding map": "",
    }  # fmt: skip


def _observation(bouts: pd.DataFrame) -> dict[str, Any]:
    events: list[list[Any]] = []
    for animal, behaviour, *times in bouts[["animal", "behaviour", "start_s", "stop_s"]].itertuples(
        index=False
    ):
        events += [[round(float(time), 3), str(animal), str(behaviour), "", ""] for time in times]
    # Where one bout ends as the next begins, the end stands first.
    order = sorted(range(len(events)), key=lambda place: (events[place][0], -(place % 2)))
    return {
        "file": {}, "type": "LIVE", "date": _NO_DATE, "description": "", "time offset": 0.0,
        "events": [events[place] for place in order],
        "observation time interval": [0, 0], "independent_variables": {},
        "visualize_spectrogram": False, "visualize_waveform": False,
        "close_behaviors_between_videos": False, "scan_sampling_time": 0,
        "start_from_current_time": False, "start_from_current_epoch_time": False,
    }  # fmt: skip


def read_boris(path: Path) -> pd.DataFrame:
    """Return the states of a BORIS project as bouts; events of points are left out.

    Raises `FileError` where it is no project, and where a state begins and does not end.
    """
    import pandas as pd

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path}: larger than {_MAX_BYTES:,} bytes")
        project = json.loads(path.read_text(encoding="utf-8"))
        states = {
            str(own["code"])
            for own in project["behaviors_conf"].values()
            if str(own["type"]).startswith("State")
        }
        rows = [
            row
            for name, own in project["observations"].items()
            for row in _states(path, str(name), own["events"], states)
        ]
    except FileError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(f"{path}: not a project of BORIS: {error}") from error
    columns = ["recording", "animal", "behaviour", "start_s", "stop_s"]
    table = pd.DataFrame(rows, columns=columns).astype({"start_s": float, "stop_s": float})
    table["duration_s"] = table["stop_s"] - table["start_s"]
    return table.sort_values(["recording", "start_s"], kind="stable", ignore_index=True)


def _states(path: Path, name: str, events: list[list[Any]], states: set[str]) -> list[list[Any]]:
    """Return [recording, animal, behaviour, start, stop] of each state of an observation."""
    began: dict[tuple[str, str], float] = {}
    rows = []
    for event in sorted(events, key=lambda event: float(event[0])):
        time, animal, code = float(event[0]), str(event[1]), str(event[2])
        if code not in states:
            continue
        if not np.isfinite(time):
            raise ValueError(f"observation {name} has an event without a time")
        if (animal, code) not in began:
            began[animal, code] = time
            continue
        rows.append([name, animal, code, began.pop((animal, code)), time])
    if began:
        (animal, code), time = next(iter(began.items()))
        raise FileError(
            f"{path}: in observation {name} the state {code!r} of {animal or 'no subject'} begins "
            f"at {time:g} s and does not end"
        )
    return rows
