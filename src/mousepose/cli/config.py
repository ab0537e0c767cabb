"""The settings of `mousepose reconstruct` as a file: every flag under its own name, in TOML.

Paths are taken as on the command line: from the folder in which the program runs.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mousepose.atomic import atomic_path
from mousepose.errors import FileError

#: A file of settings is a few kilobytes.
_MAX_BYTES = 1_000_000
#: Of these one excludes the others: where a flag gives one, the file's are left out.
ALTERNATIVES = (
    frozenset({"body_length", "weight", "bone", "floor", "camera_height"}),
    frozenset({"animal", "all_animals"}),
)
#: What is expected, in words, by pydantic's name of the fault; others say it themselves.
_EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "list_type": "a list in brackets",
    "path_type": "a path in quotes",
    "finite_number": "a finite number",
}

#: TOML has no paths, so a text is one.
File = Annotated[Path, Field(strict=False)]
Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ReconstructConfig(BaseModel):
    """Settings of `mousepose reconstruct`; each key is a flag of it without the dashes before."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        title="mousepose reconstruct",
    )

    inputs: list[File] = Field(
        default=[], description="files of 2D keypoints, or videos, one for each camera"
    )
    camera: list[File] = Field(default=[], description="camera files")
    output: File | None = Field(
        default=None, description="the file of poses to write, or a folder for all there is"
    )
    to: str | None = Field(
        default=None, description="its format, where the ending does not tell it"
    )
    camera_name: list[str] = Field(default=[], description="use only these cameras, in this order")
    keypoints: str | None = Field(
        default=None, description="keypoint map: a shipped name or a TOML file"
    )
    model: File | None = Field(
        default=None, description="of videos: another keypoint network than the shipped one"
    )
    view: Literal["top", "side", "bottom"] | None = Field(
        default=None, description="of videos: how the camera sees mice"
    )
    animals: int = Field(default=1, ge=1, description="of videos: how many mice there are")
    overlay: File | None = Field(
        default=None, description="of videos: write the video with the poses drawn on it"
    )
    fps: Above0 | None = Field(default=None, description="frames per second")
    animal: str | None = Field(default=None, description="which animal of a file with several")
    all_animals: bool = Field(default=False, description="reconstruct every animal of the file")
    body_length: Above0 | None = Field(
        default=None, description="scale: mm from snout to tail base"
    )
    weight: Above0 | None = Field(default=None, description="scale: weight in g")
    bone: str | None = Field(default=None, description="scale: NAME=MM, a bone's length")
    floor: bool = Field(default=False, description="scale: the camera file's floor plane")
    camera_height: Above0 | None = Field(default=None, description="scale: mm from floor to camera")
    body: File | None = Field(
        default=None, description="another body: a body file, or a folder of the published one"
    )
    frame_by_frame: bool = Field(default=False, description="solve every frame alone, without time")
    plots: File | None = Field(default=None, description="draw pictures into this folder")
    obj: File | None = Field(default=None, description="write meshes into this folder")
    frames: str = Field(default="0:10", description="FROM:TO, frame numbers of the meshes")
    resume: bool = Field(default=True, description="go on with an interrupted run")
    chunk: int = Field(default=6000, ge=1, description="frames solved and written at once")
    report: Literal["skeleton", "marks"] = Field(
        default="skeleton", description="which points to write"
    )
    pixel_sigma: Above0 = Field(default=2.0, description="px, 1 SD of a keypoint of confidence 1")
    min_confidence: float = Field(
        default=0.1, ge=0, le=1, description="keypoints below count as not seen"
    )
    prior: Literal["learned", "isotropic", "published"] = Field(
        default="learned", description="how mice are said to bend"
    )
    prior_file: File | None = Field(
        default=None, description="the learned prior: a file of mousepose learn-prior"
    )
    published_gmm: File | None = Field(
        default=None, description="the mixture of the prior 'published'"
    )


def settings_of(file: Path | None, given: Mapping[str, Any]) -> ReconstructConfig:
    """Return the settings of a file, with the flags that were `given` in the place of its own.

    Raises `FileError` that names every fault of the file.
    """
    base = ReconstructConfig() if file is None else read_config(file)
    replaced = {name for group in ALTERNATIVES if group & given.keys() for name in group}
    defaults = ReconstructConfig()
    reset = {name: getattr(defaults, name) for name in replaced}
    return base.model_copy(update=reset | dict(given))


def read_config(path: Path) -> ReconstructConfig:
    """Return the settings in a TOML file. Raises `FileError` that names every fault of it."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path}: larger than {_MAX_BYTES:,} bytes, no file of settings")
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not a text file") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileError(f"{path}: no TOML: {error}") from error
    try:
        return ReconstructConfig.model_validate(table)
    except ValidationError as error:
        faults = _faults(error)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise FileError(f"{path}: {count}: " + "; ".join(faults)) from error


def write_config(path: Path, settings: ReconstructConfig) -> None:
    """Write settings as the TOML file that `read_config` reads; what is not set is left out."""
    import tomli_w

    table = settings.model_dump(mode="json", by_alias=True, exclude_none=True)
    table = {key: value for key, value in table.items() if value != []}
    with atomic_path(path) as temporary:
        temporary.write_text(tomli_w.dumps(table), encoding="utf-8")


def config_schema() -> str:
    """Return the JSON Schema of the file of settings, as text."""
    return json.dumps(ReconstructConfig.model_json_schema(), indent=2) + "\n"


def _faults(error: ValidationError) -> list[str]:
    """Return each fault of a table in words, once for each key."""
    told: dict[str, str] = {}
    for fault in error.errors():
        key = str(fault["loc"][0])
        if fault["type"] == "extra_forbidden":
            told[key] = f"unknown key {key!r}{_hint(key)}"
        else:
            expected = _EXPECTED.get(fault["type"], fault["msg"])
            told[key] = f"{key}: expected {_plain(expected)}, got {fault['input']!r}"
    return list(told.values())


def _plain(message: str) -> str:
    """Return pydantic's "Input should be ..." without its start."""
    return message.removeprefix("Input should be ").removeprefix("a valid ")


def _hint(key: str) -> str:
    known = [name.replace("_", "-") for name in ReconstructConfig.model_fields]
    close = difflib.get_close_matches(key.replace("_", "-").lower(), known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known)}"
