"""What a network file says of itself: names, input, outputs, decoding, calibration, origin.

The networks of this package carry it in their ONNX metadata. For any other ONNX file a TOML file of
the same stem beside it says it:

    kind = "keypoints"
    keypoints = ["NOSE", "LEFT_EAR", "ROOT_TAIL"]   # in the order of the output
    [input]
    images = "input"      # the input's name
    size = 256            # px of a side
    layout = "NHWC"       # or "NCHW"
    channels = 3
    scale = 0.00392157    # what a grey level of 0 to 255 is multiplied by
    offset = 0.0          # and what is added then
    [output]
    heatmaps = "heatmaps" # or: points = "keypoints" (N, K, 2 or 3: x, y and confidence)
    layout = "NHWC"
    form = "logits"       # or "chances" (0 to 1); of points "px" or "shares" of the input
    stride = 4
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypeVar

from mousepose.errors import FileError, InputError

#: The key of the ONNX metadata under which our networks carry their description.
METADATA_KEY = "mousepose"
KINDS = ("keypoints", "detector")
_MOST_BYTES = 1_000_000
_MOST_KEYPOINTS = 1000
Part = TypeVar("Part", "NetworkInput", "NetworkOutput", "Calibration")


@dataclass(frozen=True)
class NetworkInput:
    """What goes in: see the module's text. `view` is the input of the declared view, "" for none.

    `integers` are whole grey levels (uint8), as our own networks take them. An `upright` network
    knows mice best that head up: where they do not, it looks again, see `upright.py`.
    """

    images: str = "images"
    view: str = ""
    size: int = 128
    layout: str = "NCHW"
    channels: int = 1
    scale: float = 1.0
    offset: float = 0.0
    integers: bool = False
    upright: bool = False


@dataclass(frozen=True)
class NetworkOutput:
    """What comes out: names of outputs, "" where there is none, and how they are laid out."""

    heatmaps: str = ""
    points: str = ""
    visibility: str = ""
    view: str = ""
    centre: str = ""
    extent: str = ""
    layout: str = "NCHW"
    form: str = "logits"
    stride: float = 4.0


@dataclass(frozen=True)
class Calibration:
    """How heatmaps become places with honest confidence; see `heatmaps.decode`.

    `covariance_scale` multiplies covariances. A score between two of `scores` has the confidence
    between those of `confidences`: the chance that the point is within 10 % of the body's length of
    the truth. Empty: the score itself. `measured_on` says on what.
    """

    blob: float = 1.0
    temperature: float = 1.0
    radius: float = 2.0
    covariance_scale: float = 1.0
    scores: tuple[float, ...] = ()
    confidences: tuple[float, ...] = ()
    measured_on: str = ""


@dataclass(frozen=True)
class NetworkDescription:
    """All of it. `about` is free text by topic: version, training data, licence.

    Raises `InputError` where the parts do not fit together.
    """

    kind: str
    keypoints: tuple[str, ...] = ()
    input: NetworkInput = field(default_factory=NetworkInput)
    output: NetworkOutput = field(default_factory=NetworkOutput)
    calibration: Calibration = field(default_factory=Calibration)
    about: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, KINDS)
        _one_of("input.layout", self.input.layout, ("NCHW", "NHWC"))
        _one_of("output.layout", self.output.layout, ("NCHW", "NHWC"))
        forms = ("px", "shares") if self.output.points else ("logits", "chances")
        _one_of("output.form", self.output.form, forms)
        _one_of("input.channels", self.input.channels, (1, 3))
        _within("input.size", self.input.size, 16, 4096)
        _within("output.stride", self.output.stride, 1, 64)
        _within("calibration.temperature", self.calibration.temperature, 1e-3, 1e3)
        if self.kind == "keypoints":
            _within("the number of keypoints", len(self.keypoints), 1, _MOST_KEYPOINTS)
            if bool(self.output.heatmaps) == bool(self.output.points):
                raise InputError("output: give the name of heatmaps or of points, one of them")
        elif not (self.output.centre and self.output.extent):
            raise InputError("output: a detector needs the names of centre and extent")
        if len(self.calibration.scores) != len(self.calibration.confidences):
            raise InputError("calibration: scores and confidences must be equally many")

    def as_json(self) -> str:
        """Return the description as text for ONNX metadata."""
        return json.dumps(asdict(self))

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> Self:
        """Return the description of a table of JSON or TOML. Raises `FileError` that says where."""
        try:
            names = table.get("keypoints", ())
            if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
                raise InputError("keypoints: expected a list of names")
            about = table.get("about", {})
            if not isinstance(about, dict):
                raise InputError("about: expected a table")
            unknown = table.keys() - {f.name for f in fields(cls)}
            if unknown:
                raise InputError(f"unknown entries: {', '.join(sorted(unknown))}")
            kind = str(table.get("kind", "keypoints"))
            shown = {str(key): str(value) for key, value in about.items()}
            return cls(
                kind,
                tuple(names),
                _filled(NetworkInput, table.get("input", {}), "input"),
                _filled(NetworkOutput, table.get("output", {}), "output"),
                _filled(Calibration, table.get("calibration", {}), "calibration"),
                shown,
            )
        except InputError as error:
            raise FileError(f"{where}: {error}") from error


def described(path: Path, metadata: Mapping[str, str]) -> NetworkDescription:
    """Return the description of a network: of the TOML beside it, else of its own metadata.

    Raises `FileError` where there is neither, or it is wrong.
    """
    beside = path.with_suffix(".toml")
    if beside.is_file():
        return NetworkDescription.from_table(_read_toml(beside), str(beside))
    text = metadata.get(METADATA_KEY)
    if text is None:
        raise FileError(
            f"{path} does not say what it is: its metadata has no entry {METADATA_KEY!r}; for a "
            f"network of another program write {beside.name} beside it (keypoints, input, output)"
        )
    try:
        table = json.loads(text)
        if not isinstance(table, dict):
            raise TypeError("expected a table")
    except (ValueError, TypeError) as error:
        raise FileError(f"{path}: its metadata is damaged ({error}); get the file anew") from error
    return NetworkDescription.from_table(table, str(path))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FileError(f"{path}: larger than {_MOST_BYTES:,} bytes, no description")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: {error}") from error


def _filled(kind: type[Part], table: object, name: str) -> Part:
    """Return a dataclass with the values of a table, each of the type of its default."""
    if not isinstance(table, dict):
        raise InputError(f"{name}: expected a table")
    default = kind()
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in default.__dict__:
            known = ", ".join(default.__dict__)
            raise InputError(f"{name}.{key}: unknown; known: {known}")
        values[key] = _like(getattr(default, key), value, f"{name}.{key}")
    return kind(**values)


def _like(default: object, value: object, name: str) -> object:
    """Return a value of a file as one of the type of `default`. Raises `InputError`."""
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(_number(name, item) for item in value)
    if isinstance(default, float):
        return _number(name, value)
    if type(value) is not type(default):
        raise InputError(f"{name}: expected {type(default).__name__}, got {value!r}")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name}: expected a number, got {value!r}")
    return float(value)


def _one_of(name: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        raise InputError(f"{name}: expected {' or '.join(map(str, known))}, got {value!r}")


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InputError(f"{name}: expected {least:g} to {most:g}, got {value}")
