"""What a sequence or tracked points hold, in a few words: for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from mousepose.types import Floats, Keypoints2D, PoseSequence, State, Status

#: Frames that ended so deserve a word of warning.
_TROUBLED = (Status.POOR, Status.EMPTY, Status.FAILED)
_CELL = "text-align:left;padding:2px 12px 2px 0"
_WARNING = "color:#b34700;margin:4px 0"


def sequence_in_words(sequence: PoseSequence) -> str:
    """Return what a sequence holds, a line for each thing, warnings last."""
    facts = sequence_facts(sequence)
    return "\n".join(
        [
            f"PoseSequence: {facts['frames']}",
            *(f"  {name}: {text}" for name, text in facts.items() if name != "frames"),
            *(f"  WARNING: {text}" for text in warnings_of(sequence)),
        ]
    )


def keypoints_in_words(keypoints: Keypoints2D) -> str:
    """Return what tracked points hold, a line for each thing."""
    facts = keypoint_facts(keypoints)
    return "\n".join(
        [
            f"Keypoints2D: {facts['frames']}",
            *(f"  {name}: {text}" for name, text in facts.items() if name != "frames"),
        ]
    )


def html_of(source: PoseSequence | Keypoints2D) -> str:
    """Return the same as a small table for a notebook: plain HTML without scripts."""
    if isinstance(source, PoseSequence):
        return _table("PoseSequence", sequence_facts(source), warnings_of(source))
    return _table("Keypoints2D", keypoint_facts(source), [])


def sequence_facts(sequence: PoseSequence) -> dict[str, str]:
    """Return by name: frames, animal, keypoints, frame of reference, scale and what was seen."""
    states = sequence.state
    shares = [f"{_share(states == state)} {state.name.lower()}" for state in reversed(State)]
    return {
        "frames": _frames(sequence.times),
        "animal": sequence.animal,
        "keypoints": f"{len(sequence.keypoint_names)} in mm, in the frame of the {sequence.frame}",
        "scale from": sequence.scale_source,
        "keypoints are": ", ".join(shares),
        "status of frames": _statuses(sequence),
    }


def keypoint_facts(keypoints: Keypoints2D) -> dict[str, str]:
    """Return by name: frames, animal, keypoints, cameras and what was seen."""
    seen = np.isfinite(keypoints.xy).all(axis=-1)
    weights = "confidence" if keypoints.covariance is None else "covariance (px²)"
    return {
        "frames": _frames(keypoints.times),
        "animal": keypoints.animal,
        "keypoints": f"{_names(keypoints.keypoint_names)}, in px with {weights}",
        "cameras": str(keypoints.xy.shape[1]),
        "given": f"{_share(seen)} of the points",
    }


def warnings_of(sequence: PoseSequence) -> list[str]:
    """Return what a user of a sequence must know, a sentence each."""
    found = []
    if sequence.scale_source == "none":
        found.append("nothing gave the scale: lengths are those of a typical mouse")
    told = sequence.provenance.get("warning")
    if told:
        found.append(str(told))
    status = sequence.report.status
    for kind in _TROUBLED:
        count = int((status == kind).sum())
        if count:
            what = "fits no mouse pose well" if kind is Status.POOR else "has no estimate"
            found.append(f"{count:,} of {len(status):,} frames: {kind.name.lower()}, {what}")
    columns = sequence.provenance.get("unknown_columns") or ()
    if columns:
        found.append(f"columns left out: {', '.join(map(str, columns))}")
    return found


def _frames(times: Floats) -> str:
    """Return how many frames there are, when, and how often."""
    count = f"{len(times):,} frame{'s' if len(times) != 1 else ''}"
    if len(times) < 2:
        return count + (f" at {times[0]:.3f} s" if len(times) else "")
    step = float(np.median(np.diff(times)))
    often = f", {1 / step:.4g} a second" if step > 0 else ""
    return f"{count}, {times[0]:.2f} to {times[-1]:.2f} s{often}"


def _statuses(sequence: PoseSequence) -> str:
    counts = np.bincount(sequence.report.status, minlength=len(Status))
    shown = [f"{counts[status]:,} {status.name.lower()}" for status in Status if counts[status]]
    return ", ".join(shown) or "none"


def _names(names: tuple[str, ...], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return f"{len(names)} ({shown}{', ...' if len(names) > most else ''})"


def _share(flags: ArrayLike) -> str:
    told = np.asarray(flags, np.bool_)
    return f"{told.mean():.1%}" if told.size else "0%"


def _table(title: str, facts: Mapping[str, str], warnings: list[str]) -> str:
    rows = "".join(
        f'<tr><th style="{_CELL}">{escape(name)}</th><td style="{_CELL}">{escape(text)}</td></tr>'
        for name, text in facts.items()
    )
    told = "".join(f'<p style="{_WARNING}">⚠ {escape(text)}</p>' for text in warnings)
    return f"<div><strong>{title}</strong><table>{rows}</table>{told}</div>"
