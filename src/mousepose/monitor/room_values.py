"""What values of a room's file may be: names, paths, numbers, texts with secrets.

Paths are taken from the folder of the file. In texts that may hold passwords `${NAME}` stands for
the environment's variable of that name.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from mousepose.errors import InputError
from mousepose.monitor.store.layout import name_fault

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def _safe(name: str) -> str:
    fault = name_fault(name)
    if fault is not None:
        raise InputError(fault)
    return name


def _filled(text: Any) -> Any:
    """Return a text with the environment's variables in it. Raises `InputError` for one not set."""
    if not isinstance(text, str):
        return text
    missing = [name for name in _VARIABLE.findall(text) if name not in os.environ]
    if missing:
        raise InputError(f"the environment has no variable {', '.join(missing)}")
    return _VARIABLE.sub(lambda found: os.environ[found[1]], text)


def placed(path: Path, info: ValidationInfo) -> Path:
    """Return a path of the file of settings from where the program runs."""
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / path.expanduser()


def _file(path: Path, info: ValidationInfo) -> Path:
    found = placed(path, info)
    if not found.is_file():
        raise InputError(f"there is no file {found}")
    return found


def _folder(path: Path, info: ValidationInfo) -> Path:
    found = placed(path, info)
    if not found.is_dir():
        raise InputError(f"there is no folder {found}")
    return found


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise InputError(f"expected a time zone as Europe/Berlin or UTC, got {name!r}") from error
    return name


def _ledger_url(url: str, info: ValidationInfo) -> str:
    kind, _, place = url.partition(":///")
    if kind != "sqlite":
        if not url.startswith(("postgresql://", "postgresql+pg8000://")):
            raise InputError("expected sqlite:///FILE or postgresql+pg8000://USER@HOST/DATABASE")
        return url
    return f"sqlite:///{placed(Path(place), info)}"


def _store_url(url: str, info: ValidationInfo) -> str:
    return url if "://" in url else str(placed(Path(url), info))


#: TOML has no paths, so a text is one.
PlainPath = Annotated[Path, Field(strict=False)]
SafeName = Annotated[str, AfterValidator(_safe)]
#: May hold passwords: never shown.
Secret = Annotated[str, BeforeValidator(_filled)]
File = Annotated[PlainPath, AfterValidator(_file)]
Folder = Annotated[PlainPath, AfterValidator(_folder)]
AnyPath = Annotated[PlainPath, AfterValidator(placed)]
Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]
ZoneName = Annotated[str, AfterValidator(_zone)]
LedgerUrl = Annotated[Secret, AfterValidator(_ledger_url)]
StoreUrl = Annotated[Secret, AfterValidator(_store_url)]
From0 = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """A table of the file: keys with dashes, no unknown ones, nothing changes later."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=lambda name: name.replace("_", "-"),
        validate_default=True,
    )
