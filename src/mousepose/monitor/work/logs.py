"""What happens in the monitor, as lines: JSON where a program reads them, words for people."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

_LOGGER = logging.getLogger("mousepose.monitor")
#: The name under which a line carries what it is about.
_FIELDS = "monitor_fields"


def note(level: str, kind: str, text: str, **fields: object) -> None:
    """Log what happened: `kind` is one word or two, `fields` say of what, as segment or stage.

    `level` is "info", "warning" or "error".
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    _LOGGER.log(number, "%s", text, extra={_FIELDS: {"kind": kind, **fields}})


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, text, and what `note` was given."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "text": record.getMessage(),
        }
        line |= getattr(record, _FIELDS, {"kind": record.name})
        if record.exc_info:
            line["log"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Words(logging.Formatter):
    """A line for people: the local time, the kind and the text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        kind = getattr(record, _FIELDS, {}).get("kind", record.name)
        text = f"{at} {record.levelname.lower():7} {kind}: {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def write_logs(handler: logging.Handler | None = None, stream: TextIO = sys.stderr) -> None:
    """Let lines go to a handler, by default as JSON to stderr; told again, to the new one alone."""
    if handler is None:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(JsonLines())
    for old in _LOGGER.handlers[:]:
        _LOGGER.removeHandler(old)
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
