"""Limbs as chains of straight bones: the chain that the bone in a scan carries best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mousepose.ct.joints.joints_field import BoneField
from mousepose.types import Floats, Ints

#: Density at which bone counts as full, and what empty space counts for.
_FULL, _EMPTY = 0.35, 0.03
_SAMPLES = 14
#: Places kept for every joint.
_PLACES = 900
#: Chains that are looked at in full, of all that the single bones make likely.
_CHAINS = 400
#: Bone within this of a chain is explained by it, mm.
_NEAR_MM = 1.4
#: What a chain gains for explaining all of the limb's bone.
_EXPLAINED = 4.0
#: How far the proportion of the two long bones may lie from the usual one, SD of its logarithm.
_PROPORTION_SD = 0.08
#: Cost of a paw that is stretched further than it can be.
_TOO_WIDE = 2.0


@dataclass(frozen=True)
class ChainKind:
    """What is known of a limb: lengths (mm, default size) of its bones, and where it begins.

    `names` are the places from the trunk to the paw, `lengths` of the bones between them with the
    standard deviation `log_sd` of their logarithm; `reach` is how far (mm) the first place lies
    from the spine; `outward` says how much it matters that the way through bone from the spine
    grows along each bone (a folded foot touches the shank). The last two bones stretch to no
    more than `widest_deg`.
    """

    names: tuple[str, ...]
    lengths: tuple[float, ...]
    log_sd: tuple[float, ...]
    reach: tuple[float, float]
    outward: tuple[float, ...]
    widest_deg: float


HIND = ChainKind(
    ("HIP", "KNEE", "ANKLE", "HIND_PAW"),
    (15.7, 17.8, 9.0),
    (0.08, 0.08, 0.12),
    (3.0, 11.0),
    (1.5, 1.5, 0.0),
    125.0,
)
FORE = ChainKind(
    ("SHOULDER", "ELBOW", "WRIST", "FORE_PAW"),
    (12.0, 12.6, 2.4),
    (0.08, 0.09, 0.2),
    (4.0, 15.0),
    (1.5, 1.5, 0.5),
    180.0,
)


@dataclass(frozen=True, eq=False)
class Chain:
    """A limb's places (N, 3) mm from the trunk outward, and how well bone carries it."""

    points: Floats
    score: float
    explained: float


def find_chain(
    field: BoneField,
    kind: ChainKind,
    places: Floats,
    way: Floats,
    starts: NDArray[np.bool_],
    size: float,
) -> Chain | None:
    """Return the best chain of a limb among `places` (N, 3) mm of bone on its side, or None.

    `starts` (N,) are the places where it may begin, `size` the animal's size (1: 25 g).
    Each bone scores the mean log density along it, less its length's squared deviation; the best
    chains are then weighed by how much of the limb's bone lies along them.
    """
    if starts.sum() < 3 or len(places) < 10:
        return None
    links = [
        _links(field, places, way, length * size, sd, outward)
        for length, sd, outward in zip(kind.lengths, kind.log_sd, kind.outward, strict=True)
    ]
    best = _best_chains(links, starts)
    if not len(best):
        return None
    return _weigh(places, way, best, links, kind)


def thinned(places: Floats, count: int = _PLACES) -> Floats:
    """Return at most `count` places (N, 3), spread evenly."""
    gap = 0.5
    while len(places) > count:
        cell = np.round(places / gap).astype(np.int64)
        _, first = np.unique(cell, axis=0, return_index=True)
        places = places[np.sort(first)]
        gap *= 1.15
    return places


@dataclass(frozen=True, eq=False)
class _Links:
    """Which places one bone may join: `start` and `end` (L,) rows, `score` (L,)."""

    start: Ints
    end: Ints
    score: Floats

    def score_of(self, start: Ints, end: Ints) -> Floats:
        """Return the score (N,) of links that are known to be there, by their ends (N,)."""
        count = int(max(self.start.max(), self.end.max())) + 1
        pairs = self.start * count + self.end
        order = np.argsort(pairs)
        return np.asarray(self.score[order[np.searchsorted(pairs[order], start * count + end)]])


def _links(
    field: BoneField, places: Floats, way: Floats, length: float, log_sd: float, outward: float
) -> _Links:
    tree = cKDTree(places)
    low, high = length * np.exp(-2.5 * log_sd), length * np.exp(2.5 * log_sd)
    pairs = tree.query_pairs(high, output_type="ndarray")
    gap = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    pairs, gap = pairs[gap >= low], gap[gap >= low]
    rough = field.along(places[pairs[:, 0]], places[pairs[:, 1]], 5)
    hopeful = (rough > 0.3 * _FULL).sum(axis=1) >= 4
    pairs, gap = pairs[hopeful], gap[hopeful]
    density = field.along(places[pairs[:, 0]], places[pairs[:, 1]], _SAMPLES)
    bone = np.log(np.clip(density / _FULL, _EMPTY / _FULL, 1.0)).mean(axis=1)
    score = 2.0 * bone - 0.5 * (np.log(gap / length) / log_sd) ** 2 * 0.3
    start = np.concatenate([pairs[:, 0], pairs[:, 1]])
    end = np.concatenate([pairs[:, 1], pairs[:, 0]])
    # outward, the way through bone grows by the length of the bone; where bones touch, by less
    short = np.maximum(1 - (way[end] - way[start]) / np.concatenate([gap, gap]), 0.0)
    return _Links(start, end, np.concatenate([score, score]) - outward * short**2)


def _best_chains(links: list[_Links], starts: NDArray[np.bool_]) -> Ints:
    """Return likely chains (M, N) of rows: for every pair of inner places the best at both ends."""
    count = len(starts)
    first = _best_into(links[0], starts, count)
    last = _best_from(links[2], count)
    middle = links[1]
    total = first[0][middle.start] + middle.score + last[0][middle.end]
    good = np.flatnonzero(np.isfinite(total))
    order = good[np.argsort(-total[good])[:_CHAINS]]
    knee, ankle = middle.start[order], middle.end[order]
    return np.stack([first[1][knee], knee, ankle, last[1][ankle]], axis=1)


def _best_into(links: _Links, starts: NDArray[np.bool_], count: int) -> tuple[Floats, Ints]:
    """Return for every place the best link that ends there from a start, and where it began."""
    kept = starts[links.start]
    return _best_by(links.end[kept], links.start[kept], links.score[kept], count)


def _best_from(links: _Links, count: int) -> tuple[Floats, Ints]:
    return _best_by(links.start, links.end, links.score, count)


def _best_by(key: Ints, other: Ints, score: Floats, count: int) -> tuple[Floats, Ints]:
    best, partner = np.full(count, -np.inf), np.zeros(count, dtype=np.int64)
    order = np.argsort(score, kind="stable")
    best[key[order]], partner[key[order]] = score[order], other[order]
    return best, partner


def _weigh(
    places: Floats, way: Floats, chains: Ints, links: list[_Links], kind: ChainKind
) -> Chain:
    """Return the chain with the best score of its bones and of what it explains."""
    of_links = [link.score_of(chains[:, k], chains[:, k + 1]) for k, link in enumerate(links)]
    scores = np.sum(of_links, axis=0)
    weight = np.clip(way, 0.0, 40.0)  # the further out, the surer bone belongs to the limb
    best: Chain | None = None
    for rows, carried in zip(chains, scores, strict=True):
        points, score = places[rows], float(carried)
        sizes = np.log(np.linalg.norm(np.diff(points, axis=0), axis=1) / kind.lengths)[:2]
        score -= 0.5 * ((sizes[0] - sizes[1]) / _PROPORTION_SD) ** 2
        score -= _TOO_WIDE * (_angle_deg(points[1:]) > kind.widest_deg)
        near = distance_to(points, places) < _NEAR_MM
        explained = float(weight[near].sum() / weight.sum())
        total = score + _EXPLAINED * explained
        if best is None or total > best.score:
            best = Chain(points, float(total), explained)
    assert best is not None
    return best


def _angle_deg(points: Floats) -> float:
    """Return the inner angle at the middle one of three points (3, 3), in degrees."""
    first, second = points[0] - points[1], points[2] - points[1]
    cosine = first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9)
    return float(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))


def distance_to(polyline: Floats, points: Floats) -> Floats:
    """Return how far (N,) mm points (N, 3) lie from a polyline (M, 3)."""
    nearest = np.full(len(points), np.inf)
    for start, end in zip(polyline[:-1], polyline[1:], strict=True):
        way = end - start
        share = np.clip((points - start) @ way / max(way @ way, 1e-12), 0, 1)
        gap = np.linalg.norm(points - start - share[:, None] * way, axis=1)
        nearest = np.minimum(nearest, gap)
    return nearest
