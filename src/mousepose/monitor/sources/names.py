"""When a segment begins, read off its file's name as recorders write it.

A pattern is a name with one time in it, as `strftime` writes it: `cage1_{:%Y-%m-%d_%H-%M-%S}`.
`{unix}` and `{unix_ms}` are seconds and milliseconds since 1970, `*` stands for anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from mousepose.errors import InputError

#: What each code of a time looks like in a name.
_CODES = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{1,2}", "d": r"\d{1,2}", "j": r"\d{1,3}",
    "H": r"\d{1,2}", "I": r"\d{1,2}", "p": r"[AaPp][Mm]", "M": r"\d{1,2}", "S": r"\d{1,2}",
    "f": r"\d{1,6}", "z": r"(?:Z|[+-]\d{2}:?\d{2})", "%": "%",
}  # fmt: skip
#: Written with leading zeros: so many letters, where nothing stands between two codes.
_WIDTHS = {"m": 2, "d": 2, "j": 3, "H": 2, "I": 2, "M": 2, "S": 2}
_UNIX = {"unix": 1.0, "unix_ms": 1e-3}
_PLACE = re.compile(r"\{(?::(?P<time>[^{}]*)|(?P<unix>unix|unix_ms))\}")
#: A file that was finished so long (s) before or after its own time tells nothing of summer time.
_FINISHED = 1800.0
#: Numbers of seconds since 1970 are between these: years 2000 to 2100.
_FIRST, _LAST = 946_684_800.0, 4_102_444_800.0


@dataclass(frozen=True)
class Named:
    """When a name says that a segment begins, and how exactly (s)."""

    time: datetime
    resolution: float


@dataclass(frozen=True)
class FileNames:
    """How a recorder names its files: a `pattern`, in the local time of a `zone` (IANA name).

    Names with a zone of their own (`%z`) and those in seconds since 1970 need none. Raises
    `InputError` with all faults.
    """

    pattern: str = "{:%Y-%m-%d_%H-%M-%S}"
    zone: str = "UTC"

    def __post_init__(self) -> None:
        faults = [fault for fault in (self._pattern_fault(), self._zone_fault()) if fault]
        if faults:
            raise InputError("; ".join(faults))

    def start(
        self, stem: str, finished: datetime | None = None, after: datetime | None = None
    ) -> Named | None:
        """Return when the file of a name (without its ending) begins, None where it does not fit.

        Local times that occur twice, as summer time ends, are told apart by when the file was
        `finished`, else by the end of the segment before, which it comes `after`.
        """
        found = self._expression.fullmatch(stem)
        if found is None:
            return None
        text, kind = found.group("time"), self._kind
        if kind in _UNIX:
            seconds = float(text) * _UNIX[kind]
            if not _FIRST <= seconds <= _LAST:
                return None
            return Named(datetime.fromtimestamp(seconds, UTC), _UNIX[kind])
        try:
            local = datetime.strptime(text, kind)  # noqa: DTZ007 - the zone follows
        except ValueError:  # the 31st of February
            return None
        return Named(self._in_utc(local, finished, after), self.resolution)

    def name(self, time: datetime) -> str:
        """Return the name (without its ending) of a segment that begins at a time.

        Raises `InputError` for a pattern with `*`: it stands for anything.
        """
        if "*" in self.pattern:
            raise InputError(f"{self.pattern}: a name cannot be made of a pattern with *")
        local = time.astimezone(ZoneInfo(self.zone))
        if self._kind in _UNIX:
            text = str(int(time.timestamp() / _UNIX[self._kind]))
        else:
            text = local.strftime(self._kind)
        place = _PLACE.search(self.pattern)
        assert place is not None
        return self.pattern[: place.start()] + text + self.pattern[place.end() :]

    @property
    def resolution(self) -> float:
        """What a start may be off by, as it is rounded in the name, s."""
        if self._kind in _UNIX:
            return _UNIX[self._kind]
        if "%f" in self._kind:
            return 1e-3  # some write milliseconds
        return 1.0 if "%S" in self._kind else 60.0

    def _in_utc(
        self, local: datetime, finished: datetime | None, after: datetime | None
    ) -> datetime:
        if local.tzinfo is not None:
            return local.astimezone(UTC)
        zone = ZoneInfo(self.zone)
        once, again = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if again <= once:  # it occurs once; in spring both mean one moment, an hour apart
            return once
        if finished is not None:
            off = [abs((finished - time).total_seconds()) for time in (once, again)]
            if min(off) < _FINISHED:
                return once if off[0] <= off[1] else again
        if after is not None and once < after - timedelta(seconds=self.resolution + 1):
            return again
        return once

    @cached_property
    def _kind(self) -> str:
        """The time's pattern, or "unix" or "unix_ms"."""
        place = _PLACE.search(self.pattern)
        assert place is not None
        return place.group("unix") or place.group("time")

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        place = _PLACE.search(self.pattern)
        assert place is not None
        before, after = (
            ".*".join(map(re.escape, text.split("*")))
            for text in (self.pattern[: place.start()], self.pattern[place.end() :])
        )
        time = r"\d{1,16}" if self._kind in _UNIX else _expression_of(self._kind)
        return re.compile(f"{before}(?P<time>{time}){after}")

    def _pattern_fault(self) -> str | None:
        places = list(_PLACE.finditer(self.pattern))
        rest = _PLACE.sub("", self.pattern)
        if len(places) != 1 or "{" in rest or "}" in rest:
            fault = "expected one time in braces, as in cage1_{:%Y-%m-%d_%H-%M-%S} or {unix}"
        elif "/" in rest or "\\" in rest:
            fault = "a name has no folder in it"
        else:
            fault = _time_fault(places[0].group("time"))
        return f"names {self.pattern!r}: {fault}" if fault else None

    def _zone_fault(self) -> str | None:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            return f"zone {self.zone!r} is not known; expected one as Europe/Berlin or UTC"
        return None


def _time_fault(kind: str | None) -> str:
    """Return what is wrong with the pattern of a time, "" where nothing is."""
    if kind is None:
        return ""
    codes = re.findall(r"%(.)", kind)
    unknown = sorted({f"%{code}" for code in codes if code not in _CODES})
    if unknown or re.search(r"(?<!%)(%%)*%$", kind):
        known = ", ".join(f"%{code}" for code in _CODES)
        return f"{', '.join(unknown) or '%'} is not known; {known} are"
    have = set(codes)
    day, hour = {"m", "d"} <= have or "j" in have, "H" in have or {"I", "p"} <= have
    if not (have & {"Y", "y"} and day and hour and "M" in have):
        return "a start needs its year, day, hour and minute"
    return "" if len(codes) == len(have) else "a part of the time stands there twice"


def _expression_of(kind: str) -> str:
    """Return the regular expression of a time."""
    parts = re.split(r"%(.)", kind)
    expression = re.escape(parts[0])
    for code, text in zip(parts[1::2], parts[2::2], strict=True):
        run_together = code in _WIDTHS and not text
        expression += rf"\d{{{_WIDTHS[code]}}}" if run_together else _CODES[code]
        expression += re.escape(text)
    return expression


#: How the recorder of this package names its files: to the microsecond, in UTC.
SPOOL_NAMES = FileNames("{:%Y%m%dT%H%M%S.%fZ}", "UTC")
