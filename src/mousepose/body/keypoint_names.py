"""What the name of a keypoint says: its side of the body and the part, in any common spelling.

Names are cut into words ("hindpaw_L", "LeftHindPaw" and "paw1LH" say left, hind, paw) and words of
one meaning become one. Two names with the same words mark the same place; the landmarks that are
known, with their places on the body, are the keypoints of the shipped map `anatomy`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mousepose.body.keypoint_map import load_keypoint_map

#: The map that holds every landmark that names can mean.
LANDMARKS = "anatomy"
#: Likeness (0 to 1) of two names' words from which one may be a misspelling of the other.
_ALIKE = 0.75
#: Likeness from which an unknown word may be a known one.
_SPELT = 0.8
#: How sure a suggestion is that had to guess whether a paw is a fore or a hind one.
_GUESSED = 0.6

_SIDES = {"l": "left", "lt": "left", "left": "left", "r": "right", "rt": "right", "right": "right"}
#: Words that stand for others; what is not here stands for itself.
_MEANING: dict[str, tuple[str, ...]] = {
    **{word: ("left", "hind") for word in ("lh", "hl", "bl", "lb", "rl")},
    **{word: ("right", "hind") for word in ("rh", "hr", "br", "rb", "rr")},
    **{word: ("left", "fore") for word in ("lf", "fl")},
    **{word: ("right", "fore") for word in ("rf", "fr")},
    **{word: ("fore",) for word in ("front", "fore", "f", "anterior", "forelimb", "forelimbs")},
    **{word: ("hind",) for word in ("hind", "rear", "b", "h", "posterior", "hindlimb", "hinder")},
    **{word: ("paw",) for word in ("paw", "paws")},
    **{word: ("foot",) for word in ("foot", "feet")},
    **{word: ("toe",) for word in ("toe", "toes", "digit", "digits", "tao")},
    **{word: ("fore", "toe") for word in ("finger", "fingers")},
    **{word: ("nose",) for word in ("nose", "snout", "muzzle", "nosetip")},
    **{word: ("ear",) for word in ("ear", "ears", "pinna")},
    **{word: ("eye",) for word in ("eye", "eyes")},
    **{word: ("head",) for word in ("head", "skull", "headcap", "forehead")},
    **{word: ("neck",) for word in ("neck", "nape")},
    **{word: ("spine",) for word in ("spine", "back", "backbone", "dorsal")},
    **{word: ("trunk",) for word in ("trunk", "torso", "body", "thorax", "mouse", "centroid")},
    **{word: ("middle",) for word in ("mid", "middle", "center", "centre", "midpoint", "medial")},
    **{word: ("tip",) for word in ("tip", "end")},
    **{word: ("base",) for word in ("base", "root", "start")},
    **{word: ("tail",) for word in ("tail",)},
    **{word: ("shoulder",) for word in ("shoulder", "shoulders")},
    **{word: ("shoulder", "blade") for word in ("scapula", "shoulderblade")},
    **{word: ("wrist",) for word in ("wrist", "carpus")},
    **{word: ("ankle",) for word in ("ankle", "hock", "tarsus")},
    **{word: ("heel",) for word in ("heel", "calcaneus")},
    **{word: ("knuckle",) for word in ("mtp", "metatarsal", "metatarsus", "knuckle")},
    **{word: ("hip",) for word in ("hip", "hips", "trochanter")},
    **{word: ("haunch",) for word in ("haunch", "thigh")},
    **{word: ("flank",) for word in ("flank", "midside", "side")},
    **{word: ("crest",) for word in ("ilium", "crest")},
    **{word: () for word in ("iliac", "keypoint", "marker", "mark", "point", "joint", "limb")},
    **{word: () for word in ("the", "of", "top", "bot", "bottom", "view", "limbs")},
    "hand": ("fore", "paw"), "tti": ("tail", "base"), "elbow": ("elbow",), "knee": ("knee",),
    "rump": ("rump",), "withers": ("withers",), "upper": ("upper",), "lower": ("lower",),
    "leg": ("leg",), "arm": ("arm",),
}  # fmt: skip
#: Words that may be found inside a run of letters, as in "hindpaw" or "leftear".
_GLUED = frozenset(w for w in (*_MEANING, *_SIDES) if len(w) > 2)
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LIMB_PARTS = frozenset({"paw", "toe", "leg", "foot"})
#: Parts that only one pair of limbs has: which pair need not be said.
_ONE_LIMB = frozenset(
    {"ankle", "knee", "heel", "hip", "haunch", "knuckle", "elbow", "wrist", "shoulder"}
)
#: Parts of which there may be several in a row, so that a number in their names counts.
_ROWS = frozenset({"tail", "spine"})
#: The two straight bones of the tail: from the end of each to its start, mm forward, left, up; and
#: how far points of a numbered row may wander, mm.
_TAIL_BONES = (("MID_TAIL", (38.7, 0.0, 12.0)), ("TIP_TAIL", (40.4, 0.0, 2.5)))
_ROW_SIGMA = 5.0


class NameParts(NamedTuple):
    """What a name says: `side` ("left", "right" or "") and the other words, sorted."""

    side: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Suggestion:
    """What a column may mark: a `landmark` with its `bone`, `offset` and `sigma` as in a map.

    `sure` is 0 to 1; `guess` says what had to be guessed, "" where nothing was.
    """

    column: str
    landmark: str
    bone: str
    offset: tuple[float, float, float]
    sigma: float
    sure: float
    guess: str = ""


@lru_cache(maxsize=4096)
def read_name(name: str) -> NameParts:
    """Return what a keypoint's name says.

    A name in one case is cut at what is no letter and where known words meet; other names also
    where small and large letters meet.
    """
    side, words = "", []
    if len(name) < 2:  # "b" alone is no back paw
        return NameParts("", (name.lower(),) if name else ())
    for piece in _PIECES.findall(name):
        for word in _unglued(piece.lower()):
            if word in _SIDES:
                side = _SIDES[word]
                continue
            for meaning in _MEANING.get(word, (word,)):
                if meaning in ("left", "right"):
                    side = meaning
                else:
                    words.append(meaning)
    if _LIMB_PARTS & set(words):  # "back paw" is no part of the back
        words = ["hind" if word == "spine" else word for word in words]
    if _ONE_LIMB & set(words):
        words = [word for word in words if word not in ("fore", "hind")]
    if not _ROWS & set(words):
        words = [word for word in words if not word.isdigit()]
    return NameParts(side, tuple(sorted(words)))


def other_side(name: str, names: Sequence[str]) -> str:
    """Return the name among `names` of the same part on the other side, or `name` itself."""
    side, words = read_name(name)
    if side:
        for other in names:
            there = read_name(other)
            if there.words == words and there.side not in ("", side):
                return other
    return name


def suggest(columns: Iterable[str], side: str = "") -> list[Suggestion]:
    """Return what each column seems to mark; columns that say nothing known are left out.

    A limb without a side is one of `side` ("left", "right"), or none where that is "". No landmark
    is suggested for two columns: the surer one has it. Numbered points of a tail are spread along
    it in even steps.
    """
    columns = list(columns)
    best: dict[str, _Candidate] = {}
    for candidate in sorted(_all_candidates(columns, side), key=lambda c: -c.sure):
        taken = any(candidate.landmark == other.landmark for other in best.values())
        if candidate.column not in best and not taken:
            best[candidate.column] = candidate
    known = load_keypoint_map(LANDMARKS)
    out = _numbered_tail(columns)
    for column, landmark, sure, guess in best.values():
        row = known.names.index(landmark)
        forward, left, up = (float(value) for value in known.offset[row])
        place = (forward, left, up)
        sigma = float(known.sigma[row])
        out.append(Suggestion(column, landmark, known.bones[row], place, sigma, sure, guess))
    return sorted(out, key=lambda suggestion: columns.index(suggestion.column))


class _Candidate(NamedTuple):
    column: str
    landmark: str
    sure: float
    guess: str


def _all_candidates(columns: Sequence[str], side: str) -> list[_Candidate]:
    found = []
    for column in columns:
        said, words = read_name(column)
        sides = (said,) if said else ("", side)
        for landmark, meanings in _landmarks().items():
            sure, guess = _match(words, [m for m in meanings if m.side in sides])
            if sure > 0:
                if not said and meanings[0].side:
                    guess = ", ".join(filter(None, [f"that it is the {side} one", guess]))
                found.append(_Candidate(column, landmark, sure, guess))
    return found


def _match(words: tuple[str, ...], meanings: Sequence[NameParts]) -> tuple[float, str]:
    """Return how sure words mean a landmark that is written so, and what that guesses."""
    sure = max((_likeness(words, meaning.words) for meaning in meanings), default=0.0)
    if 0 < sure < 1:
        return sure, "the spelling"
    corrected = _corrected(words)
    if sure == 0 and any(meaning.words == corrected for meaning in meanings):
        return _ALIKE, "the spelling"
    if sure == 0 and _LIMB_PARTS & set(words) and not {"fore", "hind"} & set(words):
        for limb, certainty in (("fore", _GUESSED), ("hind", _GUESSED - 0.1)):
            if any(meaning.words == tuple(sorted((*words, limb))) for meaning in meanings):
                return certainty, f"that it is of the {limb} limb"
    return sure, ""


def _numbered_tail(columns: Sequence[str]) -> list[Suggestion]:
    """Return places for columns such as tail_0, tail_1, tail_2: in even steps along the tail."""
    rows = []
    for column in columns:
        words = read_name(column).words
        if len(words) == 2 and words[0].isdigit() and words[1] == "tail":
            rows.append((int(words[0]), column))
    out = []
    for index, (_, column) in enumerate(sorted(rows), start=1):
        share = index / (len(rows) + 1)
        bone, whole = _TAIL_BONES[int(share > 0.5)]
        left = 1 - 2 * share if share <= 0.5 else 2 - 2 * share
        x, y, z = (round(left * value, 1) for value in whole)
        landmark = f"{share:.0%} along the tail"
        guess = "that the numbers count from the body in even steps"
        out.append(Suggestion(column, landmark, bone, (x, y, z), _ROW_SIGMA, _GUESSED, guess))
    return out


@lru_cache(maxsize=1)
def _landmarks() -> dict[str, list[NameParts]]:
    """Return the landmarks' names, each with what it and its aliases say."""
    known = load_keypoint_map(LANDMARKS)
    return {
        name: [read_name(spelling) for spelling in (name, *known.aliases.get(name, ()))]
        for name in known.names
    }


def _likeness(words: tuple[str, ...], others: tuple[str, ...]) -> float:
    """Return 1 for the same words, below that for misspelt ones, 0 for others."""
    if words == others and words:
        return 1.0
    here, there = " ".join(words), " ".join(others)
    if len(words) != len(others) or len(here) < 4:
        return 0.0
    ratio = difflib.SequenceMatcher(None, here, there).ratio()
    # One word of two may be right and the other another part: all words must be alike.
    alike = all(
        difflib.SequenceMatcher(None, a, b).ratio() >= _ALIKE
        for a, b in zip(words, others, strict=True)
    )
    return 0.9 * ratio if alike and ratio >= _ALIKE else 0.0


@lru_cache(maxsize=4096)
def _corrected(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return words with those that are unknown taken for the nearest known one, or None."""
    known = {meaning for meanings in _MEANING.values() for meaning in meanings}
    out: list[str] = []
    for word in words:
        if word in known:
            out.append(word)
            continue
        near = difflib.get_close_matches(word, _GLUED, n=1, cutoff=_SPELT)
        if len(word) < 4 or not near or near[0] in _SIDES:
            return None
        out += _MEANING[near[0]]
    return tuple(sorted(out)) if out else None


def _unglued(piece: str) -> list[str]:
    """Return the fewest known words that a run of letters is made of, or the run itself."""
    if piece in _MEANING or piece in _SIDES or piece.isdigit():
        return [piece]
    best: list[list[str] | None] = [[], *[None] * len(piece)]
    for stop in range(1, len(piece) + 1):
        for start in range(stop - 2):
            before, word = best[start], piece[start:stop]
            if before is None or word not in _GLUED:
                continue
            if best[stop] is None or len(before) + 1 < len(best[stop] or ()):
                best[stop] = [*before, word]
    return best[-1] or [piece]
