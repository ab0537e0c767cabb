"""Numbers as people read them."""

from __future__ import annotations

import math


def duration(seconds: float) -> str:
    """Return a length of time in its largest units."""
    if not math.isfinite(seconds):
        return "–"
    seconds = max(seconds, 0.0)
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    return f"{seconds / 86400:.1f} days"


def percent(share: float) -> str:
    """Return a share in percent, with a decimal where it is close to none or all."""
    if not math.isfinite(share):
        return "–"
    value = 100 * share
    close = 0 < value < 10 or 99 < value < 100
    # what is almost all is not called all, what is almost nothing not nothing
    if close:
        value = math.floor(10 * value) / 10 if value > 50 else max(round(value, 1), 0.1)
        return f"{value:.1f} %"
    return f"{value:.0f} %"


def size(count: float) -> str:
    """Return a number of bytes."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def count(number: float) -> str:
    """Return a number of things, thousands apart."""
    return f"{number:,.0f}"


def rough(number: float) -> str:
    """Return a number of things to two digits or three, for narrow places."""
    for unit in ("", " k", " M"):
        if number < 999.5:
            return f"{number:.1f}{unit}" if unit and number < 9.95 else f"{number:.0f}{unit}"
        number /= 1000
    return f"{number:,.1f} G"


def distance(millimetres: float) -> str:
    """Return a distance in metres, or kilometres."""
    metres = millimetres / 1000
    return f"{metres / 1000:.2f} km" if metres >= 9999.5 else f"{metres:,.0f} m"
