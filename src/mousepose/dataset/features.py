"""Which feature of a record is what: image and points by their published names, the rest guessed.

The published notebook names `image/encoded` and `<NAME>/region/point/x|y` alone. Behaviour, clip,
frame number and box stand under names that are not published: they are found by the words in their
names and by what they hold, the guess is said, and the user's own word goes before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mousepose.dataset.example import Example, kind_of
from mousepose.errors import InputError, UnknownNameError
from mousepose.skeleton import KEYPOINT_NAMES, canonical_name

IMAGE = "image/encoded"
#: What a feature can be besides the image and the points.
ROLES = ("behaviour", "clip", "frame", "xmin", "ymin", "xmax", "ymax")
BOX_ROLES = ROLES[3:]
#: The behaviours of the data set, as its site calls them.
BEHAVIOURS = (
    "background", "drinking", "eating", "grooming", "sleeping", "walking", "wheel running",
)  # fmt: skip

#: What the features of a point are called.
POINT = re.compile(r"^(?P<name>.+)/region/point/(?P<axis>[xy])$")
_ANY_POINT = re.compile(r"^(?P<rest>.+)[/_.:](?P<axis>[xyXY])$")
_WORDS = re.compile(r"[a-z]+|\d+")
_BEHAVIOUR_WORDS = {"behaviour", "behavior", "behaviours", "label", "class", "activity", "action"}
_CLIP_WORDS = {"clip", "video", "sequence", "segment"}
_NO_CLIP_WORDS = {"label", "index", "start", "end", "timestamp", "time", "count", "num", "rate"}
_FRAME_WORDS = {"frame", "time", "timestamp"}
_NO_FRAME_WORDS = {"count", "rate", "num", "start", "end"}
_BOX_WORDS = {
    **{word: "xmin" for word in ("xmin", "left")},
    **{word: "ymin" for word in ("ymin", "top")},
    **{word: "xmax" for word in ("xmax", "right")},
    **{word: "ymax" for word in ("ymax", "bottom")},
}
#: A behaviour has few values, an identity many.
_MOST_BEHAVIOURS = 40
_SHOWN = 60


@dataclass
class FeatureFound:
    """A feature as it occurs: in how many records, how many values it has, of which kind, how."""

    name: str
    kind: str
    records: int = 0
    least: int = 0
    most: int = 0
    example: str = ""
    values: set[Any] = field(default_factory=set)

    def add(self, value: Any) -> None:
        """Count the feature of one more record."""
        count = len(value)
        self.least = count if not self.records else min(self.least, count)
        self.most = max(self.most, count)
        self.records += 1
        if count and not self.example:
            self.example = _shown(value[0])
        if count == 1 and self.kind != "float" and len(self.values) <= _MOST_BEHAVIOURS:
            self.values.add(value[0] if self.kind == "int64" else bytes(value[0][:_SHOWN]))


@dataclass(frozen=True)
class FeatureMap:
    """Which features hold what: `points` (name -> its x and y features), `roles` (role -> feature).

    `guessed` tells in words what was not said by anyone; `unused` features have no role.
    """

    image: str
    points: Mapping[str, tuple[str, str]]
    roles: Mapping[str, str]
    guessed: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """The names of the points, the data set's own first and in its order."""
        return tuple(self.points)


def survey(examples: Sequence[Example]) -> dict[str, FeatureFound]:
    """Return what features some records have, by name in order."""
    found: dict[str, FeatureFound] = {}
    for example in examples:
        for name, value in example.items():
            kind = kind_of(value)
            if name not in found:
                found[name] = FeatureFound(name, kind)
            if len(value):
                found[name].kind = kind  # an empty list has no kind of its own
            found[name].add(value)
    return {name: found[name] for name in sorted(found)}


def map_features(
    found: Mapping[str, FeatureFound], given: Mapping[str, str] | None = None
) -> FeatureMap:
    """Return which feature is what; `given` (role -> feature name) goes before every guess.

    The roles are those of `ROLES`, and "image". An empty name means that there is none. Raises
    `UnknownNameError` on a role or feature that is not there, `InputError` without an image.
    """
    given = dict(given or {})
    for role, name in given.items():
        if role not in (*ROLES, "image"):
            raise UnknownNameError.of("role of a feature", role, (*ROLES, "image"))
        if name and name not in found:
            others = [known for known in found if not POINT.match(known)]
            raise UnknownNameError.of(f"feature (for {role})", name, others)
    guessed: list[str] = []
    image = given.pop("image", "") or _image(found, guessed)
    points = _points(found, guessed)
    roles = {role: name for role, name in given.items() if name}
    taken = {image, *roles.values(), *(key for pair in points.values() for key in pair)}
    free = {name: f for name, f in found.items() if name not in taken}
    for role in ROLES:
        name = "" if role in given else _guess(role, free)
        if name:
            roles[role] = name
            free.pop(name)
            if role not in BOX_ROLES:
                guessed.append(f"{name!r} is taken for the {role}")
    box = [roles[role] for role in BOX_ROLES if role in roles and role not in given]
    if box:
        guessed.append(f"{', '.join(map(repr, box))} are taken for the box")
    return FeatureMap(image, points, roles, tuple(guessed), tuple(sorted(free)))


def text_of(value: Any) -> str:
    """Return the first value of a feature as a text, "" where it has none."""
    if not len(value):
        return ""
    first = value[0]
    if isinstance(first, bytes):
        text = first[:1000].decode("utf-8", "replace")
        # What a terminal would obey is no part of a label.
        return "".join(c if c.isprintable() else "\ufffd" for c in text)
    return str(first.item())


def _image(found: Mapping[str, FeatureFound], guessed: list[str]) -> str:
    if IMAGE in found:
        return IMAGE
    like = [n for n, f in found.items() if f.kind == "bytes" and f.example.startswith("JPEG")]
    if len(like) != 1:
        raise InputError(
            f"no feature {IMAGE!r} in these records; they have: "
            f"{', '.join(list(found)[:20]) or 'nothing'}. Name the one with the picture (image=...)"
        )
    guessed.append(f"{like[0]!r} is taken for the image")
    return like[0]


def _points(found: Mapping[str, FeatureFound], guessed: list[str]) -> dict[str, tuple[str, str]]:
    """Return the points that have both coordinates, by the data set's name where it is one.

    Where one of its names is there, all are: a rare one may be in none of the surveyed records.
    Where no feature is called as published, those that a keypoint's name is part of are taken.
    """
    axes: dict[str, dict[str, str]] = {}
    for key in found:
        match = POINT.match(key)
        if match:
            axes.setdefault(match["name"], {})[match["axis"]] = key
    if not axes:
        axes = _points_otherwise(found)
        if axes:
            shown = " and ".join(map(repr, next(iter(axes.values())).values()))
            guessed.append(f"{shown} are taken for the point {next(iter(axes))}, and so on")
        return {name: (pair["x"], pair["y"]) for name, pair in sorted(axes.items(), key=_place)}
    named: dict[str, tuple[str, str]] = {}
    for name, pair in axes.items():
        if len(pair) == 2:
            try:
                known = canonical_name(name)
            except UnknownNameError:
                known = name
            named.setdefault(known if known not in axes or known == name else name, (
                pair["x"], pair["y"],
            ))  # fmt: skip
    if named:
        for name in KEYPOINT_NAMES:
            named.setdefault(name, (f"{name}/region/point/x", f"{name}/region/point/y"))
    return dict(sorted(named.items(), key=_place))


def _points_otherwise(found: Mapping[str, FeatureFound]) -> dict[str, dict[str, str]]:
    """Return the features of points (name -> axis -> feature) by names such as `kp/NOSE_x`."""
    axes: dict[str, dict[str, str]] = {}
    for key, feature in found.items():
        match = _ANY_POINT.match(key)
        if not match or feature.kind != "float" or feature.most != 1:
            continue
        for part in match["rest"].split("/"):
            try:
                name = canonical_name(part)
            except UnknownNameError:
                continue
            if name in KEYPOINT_NAMES:
                axes.setdefault(name, {}).setdefault(match["axis"].lower(), key)
    return {name: pair for name, pair in axes.items() if len(pair) == 2}


def _place(item: tuple[str, object]) -> int:
    """Return where a point stands among those of the data set, behind them where it is none."""
    name = item[0]
    return KEYPOINT_NAMES.index(name) if name in KEYPOINT_NAMES else len(KEYPOINT_NAMES)


def _guess(role: str, free: Mapping[str, FeatureFound]) -> str:
    """Return the feature that is most likely to play a role, "" where none is likely."""
    best, chosen = 0.0, ""
    for name, feature in free.items():
        words = _WORDS.findall(name.lower())
        likely = _likely(role, words, feature) if feature.most == 1 or role in BOX_ROLES else 0.0
        if likely > best:
            best, chosen = likely, name
    return chosen


def _likely(role: str, words: Sequence[str], feature: FeatureFound) -> float:
    """Return how likely a feature plays a role: 0 is no, more is better."""
    last = words[-1] if words else ""
    if role in BOX_ROLES:
        right = feature.kind == "float" and feature.most == 1
        in_box = bool({"bbox", "box"} & set(words))
        sure = last in ("xmin", "ymin", "xmax", "ymax")
        return float(right and _BOX_WORDS.get(last) == role and (sure or in_box)) * (1 + in_box)
    if feature.kind == "float":
        return 0.0
    return {"behaviour": _as_behaviour, "clip": _as_clip, "frame": _as_frame}[role](words, feature)


def _as_behaviour(words: Sequence[str], feature: FeatureFound) -> float:
    """A behaviour is called one, or nothing but the published ones are in it."""
    if len(feature.values) > _MOST_BEHAVIOURS:
        return 0.0
    texts = {v.decode("utf-8", "replace").lower() for v in feature.values if type(v) is bytes}
    known = [any(b.split()[0] in text for b in BEHAVIOURS) for text in texts]
    if not _BEHAVIOUR_WORDS & set(words):
        return float(bool(known) and all(known))
    named = bool({"behaviour", "behavior"} & set(words))
    if not (any(known) or named or len(feature.values) > 1):
        return 0.0  # the same in all records: the class "mouse" of a detector's labels
    return 1.0 + 2.0 * any(known) + (feature.kind == "bytes") + named


def _as_clip(words: Sequence[str], feature: FeatureFound) -> float:
    if not _CLIP_WORDS & set(words) or _NO_CLIP_WORDS & set(words):
        return 0.0
    return 2.0 + ("clip" in words) + (words[-1] in ("id", "name")) - ("frame" in words)


def _as_frame(words: Sequence[str], feature: FeatureFound) -> float:
    right = feature.kind == "int64" and bool(_FRAME_WORDS & set(words)) and "clip" not in words[-1:]
    return float(right and not _NO_FRAME_WORDS & set(words)) * (2.0 + ("frame" in words))


def _shown(value: Any) -> str:
    if not isinstance(value, bytes):
        return f"{value.item():.6g}"
    if value.startswith(b"\xff\xd8"):
        return f"JPEG of {len(value)} bytes"
    text = value[:_SHOWN].decode("utf-8", "replace")
    return text if text.isprintable() else f"{len(value)} bytes"


def first_number(value: Any) -> float:
    """Return the only value of a feature, NaN where it has none or several or is no number."""
    if isinstance(value, np.ndarray) and len(value) == 1:
        return float(value[0])
    return float("nan")
