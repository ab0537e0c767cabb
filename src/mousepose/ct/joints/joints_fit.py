"""Limbs of rigid bones fitted to the bone in a scan: turned, placed, lengthened, thickened.

Articulated iterative closest points, point to plane (Chen & Medioni 1992), both ways: a point of
the scan's bone surface is drawn onto the nearest piece, a point of a piece's surface onto the
scan's bone. Far points lose their say (Geman & McClure 1987), the limb's lengths and directions
are held near what they were before. Solved by damped Gauss-Newton steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.ct.joints.joints_atlas import Piece
from mousepose.ct.joints.joints_surface import BoneSurface
from mousepose.geometry import rotation
from mousepose.types import Floats

#: Rounds, and how the reach (mm) at which a point has a quarter of its say shrinks over them.
_ROUNDS = 24
_REACH = (1.2, 0.3)
#: All points of one piece and direction weigh as many independent ones, each as good as they fit:
#: to between these (mm). The girdle's bones, of which only the socket matters, weigh less.
_SAY, _POINT_SD = 40.0, (0.12, 0.3)
_GIRDLE_SAY = 0.4
#: SD of the pieces' log scales about their mean, and of that mean about the start's.
_SCALE_SD, _SIZE_SD = 0.03, 0.06
#: Voxels longer than this (mm) leave the size open: it stays what it was at the start.
FINE_MM = 0.55
_LEAST_SD = 1e-3
#: SD of a piece's thickness (mm), and of its turn (rad) from the start.
_THICK_SD, _TURN_SD = 0.12, 0.6
#: A median gap (mm) that halves the confidence, at no voxels and more per mm of their longest edge.
_GAP_MM, _GAP_PER_MM = 0.12, 0.45
#: A log scale beside the limb's mean that halves the confidence.
_LOG_SCALE = 0.18
#: Columns of a piece: turn (3), log scale, thickness.
_OWN = 5


@dataclass(frozen=True)
class Hold:
    """SD by which a limb's first piece is held to its start: place, turn and log scale."""

    root_mm: float = 3.0
    turn: float = _TURN_SD
    log_scale: float = _SIZE_SD


@dataclass(frozen=True, eq=False)
class Fit:
    """A limb in the scan: `nodes` (P+1, 3) mm, its places; `turns` (P, 3, 3), rest to scan.

    `scales` (P,) are the pieces' sizes, `gaps` (P,) mm the median distance between a piece's
    surface and the scan's bone, `covered` (P,) the share of its surface with bone within 0.4 mm;
    `tolerance` mm is the gap that halves the confidence.
    """

    nodes: Floats
    turns: Floats
    scales: Floats
    thick: Floats
    gaps: Floats
    covered: Floats
    tolerance: float


def piece_confidence(fit: Fit) -> Floats:
    """Return how sure (P,) each piece is: covered by bone, near its surface, of a usual size."""
    odd = (np.log(fit.scales) - np.median(np.log(fit.scales))) / _LOG_SCALE
    near = 0.5 ** ((fit.gaps / fit.tolerance) ** 2)
    return np.asarray(fit.covered * near * 0.5 ** (odd**2))


def fit_limb(
    pieces: list[Piece],
    surface: BoneSurface,
    root: Floats,
    turns: Floats,
    scales: Floats,
    hold: Hold | None = None,
) -> Fit:
    """Return the limb fitted to a scan's bone, from its `root` (3,) mm, `turns` and `scales`.

    Every piece hangs on the end of the one before; the first is turned about the root, and held
    to its start as `hold` says.
    """
    fine = surface.voxel_mm <= FINE_MM
    hold = hold or (Hold() if fine else Hold(log_scale=_SCALE_SD))
    size_sd = _SIZE_SD if fine else _LEAST_SD
    state = _State(root.copy(), turns.copy(), np.log(scales), np.zeros(len(pieces)))
    start = _State(root.copy(), turns.copy(), np.log(scales), np.zeros(len(pieces)))
    damping = 1.0
    for round_ in range(_ROUNDS):
        share = min(1.0, round_ / (0.7 * _ROUNDS))
        reach = _REACH[0] * (_REACH[1] / _REACH[0]) ** share
        matrix, right = _normal_equations(pieces, surface, state, reach)
        _add_priors(matrix, right, state, start, hold, size_sd)
        step = np.linalg.solve(matrix + damping * np.diag(np.diag(matrix)), right)
        state = state.moved(np.clip(step, -0.5, 0.5))
        damping = max(0.02, damping * 0.6)
    return _result(pieces, surface, state)


@dataclass(frozen=True, eq=False)
class _State:
    root: Floats
    turns: Floats  # (P, 3, 3)
    log_scales: Floats  # (P,)
    thick: Floats  # (P,) mm

    def nodes(self, pieces: list[Piece]) -> Floats:
        """Return where every piece is hung, and where the last ends (P+1, 3) mm."""
        nodes = [self.root]
        for piece, turn, scale in zip(pieces, self.turns, np.exp(self.log_scales), strict=True):
            nodes.append(nodes[-1] + scale * turn @ (piece.end - piece.pivot))
        return np.array(nodes)

    def moved(self, step: Floats) -> _State:
        own = step[3:].reshape(-1, _OWN)
        turns = rotation.exp(own[:, :3]) @ self.turns
        return _State(
            self.root + step[:3], turns, self.log_scales + own[:, 3], self.thick + own[:, 4]
        )


def _normal_equations(
    pieces: list[Piece], surface: BoneSurface, state: _State, reach: float
) -> tuple[Floats, Floats]:
    """Return matrix and right side of one Gauss-Newton step, as the scan's bone tells it."""
    nodes, scales = state.nodes(pieces), np.exp(state.log_scales)
    size = 3 + _OWN * len(pieces)
    matrix, right = np.zeros((size, size)), np.zeros(size)
    owner, local, gap = _owners(pieces, surface, state, nodes, 2.5 * reach + 0.5)
    for k, piece in enumerate(pieces):
        turn, scale = state.turns[k], scales[k]
        mine = owner == k
        points = surface.points[mine]
        normal = piece.outward(local[k][mine]) @ turn.T
        rows = -_motion(pieces, state, nodes, k, points, normal)
        rows[:, 3 + _OWN * k + 4] = -1.0
        say = _SAY * (_GIRDLE_SAY if k == 0 and len(pieces) > 1 else 1.0)
        _add(matrix, right, rows, gap[mine], reach, say)
        own = nodes[k] + scale * (piece.surface - piece.pivot) @ turn.T
        away, normal = surface.distance(own)
        near = np.abs(away) < 2.5 * reach + 0.5
        # between two pieces there is no surface to be drawn to
        near &= ~_inside_others(pieces, state, nodes, k, own)
        rows = _motion(pieces, state, nodes, k, own[near], normal[near])
        rows[:, 3 + _OWN * k + 4] = 1.0
        _add(matrix, right, rows, away[near] + state.thick[k], reach, say)
    return matrix, right


def _owners(
    pieces: list[Piece], surface: BoneSurface, state: _State, nodes: Floats, far: float
) -> tuple[Floats, list[Floats], Floats]:
    """Return the piece nearest to every point of the scan, the points at rest, their distance.

    Points further than `far` mm from all pieces have owner -1.
    """
    scales = np.exp(state.log_scales)
    local, gaps = [], []
    for k, piece in enumerate(pieces):
        points = piece.pivot + (surface.points - nodes[k]) @ state.turns[k] / scales[k]
        low = piece.solids.low.min(axis=0) - far
        high = piece.solids.high.max(axis=0) + far
        near = ((points > low) & (points < high)).all(axis=1)
        gap = np.full(len(points), np.inf)
        gap[near] = scales[k] * piece.distance(points[near]) - state.thick[k]
        local.append(points)
        gaps.append(gap)
    table = np.array(gaps)
    owner = np.argmin(table, axis=0)
    nearest = table[owner, np.arange(table.shape[1])]
    return np.where(np.abs(nearest) < far, owner, -1), local, nearest


def _inside_others(
    pieces: list[Piece], state: _State, nodes: Floats, k: int, points: Floats
) -> NDArray[np.bool_]:
    inside = np.zeros(len(points), dtype=bool)
    for other in (k - 1, k + 1):
        if 0 <= other < len(pieces):
            scale, piece = float(np.exp(state.log_scales[other])), pieces[other]
            local = piece.pivot + (points - nodes[other]) @ state.turns[other] / scale
            inside |= scale * piece.distance(local) < 0.3
    return inside


def _motion(
    pieces: list[Piece], state: _State, nodes: Floats, k: int, points: Floats, normal: Floats
) -> Floats:
    """Return how the limb's variables move points (N, 3) of piece k along `normal` (N, 3)."""
    rows = np.zeros((len(points), 3 + _OWN * len(pieces)))
    rows[:, :3] = normal
    for a in range(k + 1):
        arm = (points if a == k else nodes[a + 1][None]) - nodes[a]
        column = 3 + _OWN * a
        rows[:, column : column + 3] = np.cross(np.broadcast_to(arm, normal.shape), normal)
        rows[:, column + 3] = (arm * normal).sum(axis=1)
    return rows


def _add(
    matrix: Floats, right: Floats, rows: Floats, residual: Floats, reach: float, say: float
) -> None:
    if len(rows) < 5:
        return
    sd = np.clip(1.4826 * np.median(np.abs(residual)), *_POINT_SD)
    weight = (reach**2 / (reach**2 + residual**2)) ** 2
    weight = weight * min(1.0, say / len(rows)) / sd**2
    matrix += rows.T @ (weight[:, None] * rows)
    right -= rows.T @ (weight * residual)


def _add_priors(
    matrix: Floats, right: Floats, state: _State, start: _State, hold: Hold, size_sd: float
) -> None:
    """Hold the first piece and all turns to the start, the others' scales to their mean.

    That mean is held to the start's, thickness to 0.
    """
    matrix[:3, :3] += np.eye(3) / hold.root_mm**2
    right[:3] -= (state.root - start.root) / hold.root_mm**2
    others, first = state.log_scales[1:], start.log_scales[1:]
    say, own = len(others) / _SCALE_SD**2, 1 / size_sd**2
    mean = (say * others.mean() + own * first.mean()) / (say + own) if len(others) else 0.0
    for k in range(len(state.turns)):
        column = 3 + _OWN * k
        turn_sd = hold.turn if k == 0 else _TURN_SD
        scale_sd = hold.log_scale if k == 0 else _SCALE_SD
        wanted = start.log_scales[0] if k == 0 else mean
        turned = rotation.log(state.turns[k] @ start.turns[k].T)
        matrix[column : column + 3, column : column + 3] += np.eye(3) / turn_sd**2
        right[column : column + 3] -= turned / turn_sd**2
        matrix[column + 3, column + 3] += 1 / scale_sd**2
        right[column + 3] -= (state.log_scales[k] - wanted) / scale_sd**2
        matrix[column + 4, column + 4] += 1 / _THICK_SD**2
        right[column + 4] -= state.thick[k] / _THICK_SD**2


def _result(pieces: list[Piece], surface: BoneSurface, state: _State) -> Fit:
    nodes, scales = state.nodes(pieces), np.exp(state.log_scales)
    gaps, covered = [], []
    for k, piece in enumerate(pieces):
        own = nodes[k] + scales[k] * (piece.surface - piece.pivot) @ state.turns[k].T
        away, _ = surface.distance(own)
        gaps.append(float(np.median(np.abs(away + state.thick[k]))))
        covered.append(float((away < 0.4).mean()))
    tolerance = _GAP_MM + _GAP_PER_MM * surface.voxel_mm
    return Fit(
        nodes, state.turns, scales, state.thick, np.array(gaps), np.array(covered), tolerance
    )
