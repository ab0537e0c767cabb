"""Which pictures show one moment, and which camera took each: read from their paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mousepose.errors import InputError

#: A file's name is cut at signs, and also where letters and digits meet.
_CUTS = (re.compile(r"[A-Za-z\d]+|[^A-Za-z\d]+"), re.compile(r"\d+|[A-Za-z]+|[^A-Za-z\d]+"))
#: Fewer pictures than this share of views times moments are no views and moments.
_LEAST_FILLED = 0.6
#: As many cameras as a rig may have.
_MOST_VIEWS = 16
_VIEW_WORDS = {"cam", "camera", "view", "top", "side", "left", "right", "front", "back", "depth"}


class Views(NamedTuple):
    """The cameras, the moments, and of each picture its (moment, view), both from 0."""

    views: tuple[str, ...]
    moments: tuple[str, ...]
    places: list[tuple[int, int]]
    guessed: str


def group_by_view(paths: Sequence[str], pattern: str | None = None) -> Views:
    """Return the view and moment of each picture.

    `pattern` is a regular expression with the groups `view` and `moment`. Without it, the one part
    of the paths is looked for that takes few values and leaves as many names for the rest as there
    are moments: a folder, or a word or number in the file's name. Where none does, every picture is
    a moment of its own of one view. Raises `InputError` on a pattern that does not fit.
    """
    if pattern is not None:
        return _views([_by_pattern(path, pattern) for path in paths], "")
    best: tuple[float, list[tuple[str, str]], str] | None = None
    for keys, where in _candidates(paths):
        score = _score(keys)
        if score > 0 and (best is None or score > best[0]):
            best = score, keys, where
    if best is None:
        told = "the pictures' paths tell no views: each picture is a moment of its own of one view"
        return _views([("view", path) for path in paths], told)
    return _views(best[1], f"{best[2]} is taken for the view, the rest of it for the moment")


def _by_pattern(path: str, pattern: str) -> tuple[str, str]:
    try:
        match = re.search(pattern, path[:4096])
    except re.error as error:
        raise InputError(f"view pattern {pattern!r} is no regular expression: {error}") from error
    if match is None or {"view", "moment"} - set(match.groupdict()):
        raise InputError(
            f"view pattern {pattern!r} finds no groups 'view' and 'moment' in {path!r}; write "
            "them as (?P<view>...) and (?P<moment>...)"
        )
    return match["view"] or "", match["moment"] or ""


def _candidates(paths: Sequence[str]) -> Iterator[tuple[list[tuple[str, str]], str]]:
    """Yield ways to cut the paths into (view, moment), each with what the view is."""
    folders = [path.split("/") for path in paths]
    depth = min(map(len, folders))
    for level in range(2, depth + 1):
        keys = [(parts[-level], "/".join(parts[:-level] + parts[1 - level :])) for parts in folders]
        yield keys, "the folder of a picture" if level == 2 else "an outer folder of a picture"
    names = [parts[-1].rpartition(".")[0] or parts[-1] for parts in folders]
    above = ["/".join(parts[:-1]) for parts in folders]
    for cut in _CUTS:
        pieces = [cut.findall(name) for name in names]
        # From the start and from the end: names may differ in how many pieces they have.
        for place in [p for n in range(min(map(len, pieces))) for p in (n, -n - 1)]:
            keys = []
            for words, folder in zip(pieces, above, strict=True):
                rest = list(words)
                view = rest.pop(place)
                keys.append((view, f"{folder}/{''.join(rest)}"))
            yield keys, f"a part of the pictures' names (as {keys[0][0]!r} in {names[0]!r})"


def _score(keys: Sequence[tuple[str, str]]) -> float:
    """Return how good views and moments are, 0 where they cannot be: more is better."""
    views = Counter(view for view, _ in keys)
    moments = Counter(moment for _, moment in keys)
    if not 2 <= len(views) <= _MOST_VIEWS or len(set(keys)) < len(keys):
        return 0.0
    filled = len(keys) / (len(views) * len(moments))
    if filled < _LEAST_FILLED:
        return 0.0
    words = sum(any(word in view.lower() for word in _VIEW_WORDS) for view in views) / len(views)
    few = len(views) <= len(moments)  # a rig has fewer cameras than it took pictures with each
    return filled + 0.5 * words + 0.5 * few + 0.1 * (len(views) == 3)


def _views(keys: Sequence[tuple[str, str]], guessed: str) -> Views:
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    if repeated:
        view, moment = repeated[0]
        raise InputError(f"view {view!r} has moment {moment!r} twice")
    views = tuple(sorted({view for view, _ in keys}))
    moments = tuple(dict.fromkeys(moment for _, moment in keys))
    moment_place = {name: place for place, name in enumerate(moments)}
    view_place = {name: place for place, name in enumerate(views)}
    places = [(moment_place[moment], view_place[view]) for view, moment in keys]
    return Views(views, moments, places, guessed)
