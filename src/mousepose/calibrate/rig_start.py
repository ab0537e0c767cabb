"""Where the cameras of a rig stand, roughly: from the poses of the board in frames they share.

In each shared frame two cameras tell where one stands from the other. Those answers vote; pairs
with most votes join the cameras into a tree. The same votes settle which way round a board lies
that looks the same after a turn: only the right turn gives one answer while the board moves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mousepose.calibrate.board import Board
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.types import Floats, Ints

#: Two answers agree within this angle (rad), and this share of the distance to the board.
_SAME_ANGLE, _SAME_SHIFT = 0.08, 0.06
#: Answers that are tried as the right one.
_MOST_CANDIDATES = 60
#: A second answer with this share of the best one's votes leaves open which is right.
_RIVAL = 0.8
#: With fewer frames of one answer than this share, the cameras do not see one time, or one moved.
_LEAST_AGREEING, _ENOUGH_SHARED = 0.3, 6


class Link(NamedTuple):
    """What two cameras say of each other: T_second_first (4, 4), votes for it, frames they share.

    `rival` counts the votes for the best other answer.
    """

    T_second_first: Floats
    votes: int
    shared: int
    rival: int

    @property
    def is_open(self) -> bool:
        """Whether another answer has about as many votes: the board hardly moved."""
        return self.rival >= _RIVAL * self.votes


class Start(NamedTuple):
    """T_camera_world (C, 4, 4) with the first camera as world, turns (C, F) of the board, links.

    `turns` are places in `Board.turns`; -1 where a camera does not see the board.
    """

    T_camera_world: Floats
    turns: Ints
    links: dict[tuple[int, int], Link]


def start_rig(board: Board, names: tuple[str, ...], transforms: Floats) -> Start:
    """Return where cameras stand whose poses of the board are T_camera_board (C, F, 4, 4).

    NaN where a camera does not see the board. Raises `InputError` where cameras share no frames
    with the others, and where a board that looks the same after a turn leaves it open how they
    stand.
    """
    turned = board_turns(board)
    links = {}
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            link = _link(transforms[first], transforms[second], turned)
            if link is not None:
                links[first, second] = link
    T_camera_world = _tree(names, transforms, links)
    if len(turned) > 1:
        _check_open(names, links)
    turns = _turns(T_camera_world, transforms, turned)
    return Start(T_camera_world, turns, links)


def undo_turns(board: Board, pixels: Floats, turns: Ints) -> Floats:
    """Return pixels (C, F, P, 2) in the order of the board as the first camera sees it."""
    ordered = pixels.copy()
    for turn, order in enumerate(board.turns[1:], start=1):
        cameras, frames = np.nonzero(turns == turn)
        # T turn p_j = T p_order[j]: the board's corner j is where the view has corner order[j]
        ordered[cameras, frames] = pixels[cameras, frames][:, order]
    return ordered


def board_turns(board: Board) -> Floats:
    """Return the motions (K, 4, 4) of the board that take corner j to corner `turns[k][j]`.

    A pose T of a view that shows turn k is T turn_k in the board's one order; the first is none.
    """
    motions = np.tile(np.eye(4), (len(board.turns), 1, 1))
    middle = board.points.mean(axis=0)
    for motion, order in zip(motions, board.turns, strict=True):
        there, back = board.points[order] - middle, board.points - middle
        left, _, right = np.linalg.svd(there.T @ back)
        upright = np.diag([1, 1, np.linalg.det(left @ right)])
        motion[:3, :3] = left @ upright @ right
        motion[:3, 3] = middle - motion[:3, :3] @ middle
    return motions


def _link(first: Floats, second: Floats, turned: Floats) -> Link | None:
    """Return what the poses (F, 4, 4) of the board in two cameras tell, or None."""
    both = np.isfinite(first[:, 0, 0]) & np.isfinite(second[:, 0, 0])
    shared = int(both.sum())
    if not shared:
        return None
    # T_second_first = T_second_board turn T_board_first, one for each turn and frame
    answers = second[both][:, None] @ turned @ np.linalg.inv(first[both])[:, None]
    depth = np.linalg.norm(second[both][:, :3, 3], axis=1)
    places = np.unique(
        np.linspace(0, shared - 1, min(shared, _MOST_CANDIDATES)).round().astype(int)
    )
    candidates = answers[places].reshape(-1, 4, 4)
    agree = _agree(candidates[:, None, None], answers, depth[:, None])  # (N, F, K)
    votes = agree.any(axis=2).sum(axis=1)
    best = int(np.argmax(votes))
    near = _agree(candidates[best], candidates, np.median(depth), 3.0)
    rival = int(votes[~near].max(initial=0))
    return Link(_mean(answers[agree[best]]), int(votes[best]), shared, rival)


def _agree(one: Floats, other: Floats, depth: Floats, times: float = 1.0) -> np.ndarray:
    """Return whether transforms (*B, 4, 4) are alike, at a distance `depth` (*B) of the board."""
    trace = (one[..., :3, :3] * other[..., :3, :3]).sum(axis=(-2, -1))
    angle = np.arccos(np.clip((trace - 1) / 2, -1, 1))
    shift = np.linalg.norm(one[..., :3, 3] - other[..., :3, 3], axis=-1)
    # the turn about the second camera moves the first one as well
    return np.asarray((angle < times * _SAME_ANGLE) & (shift < times * 2 * _SAME_SHIFT * depth))


def _mean(transforms: Floats) -> Floats:
    """Return the mean (4, 4) of transforms (N, 4, 4) that are nearly alike: medians are robust."""
    middle = transforms[0]
    turns = rotation.log(transforms[:, :3, :3] @ middle[:3, :3].T)
    mean = np.eye(4)
    mean[:3, :3] = rotation.exp(np.median(turns, axis=0)) @ middle[:3, :3]
    mean[:3, 3] = np.median(transforms[:, :3, 3], axis=0)
    return mean


def _tree(names: tuple[str, ...], transforms: Floats, links: dict[tuple[int, int], Link]) -> Floats:
    """Return T_camera_world (C, 4, 4) along the links with most votes, from the first camera."""
    placed = {0: np.eye(4)}
    while len(placed) < len(names):
        ways = [
            (link.votes, pair)
            for pair, link in links.items()
            if (pair[0] in placed) != (pair[1] in placed)
        ]
        if not ways:
            raise InputError(_apart(names, transforms, set(placed)))
        _, (first, second) = max(ways)
        link = links[first, second]
        if link.shared >= _ENOUGH_SHARED and link.votes < _LEAST_AGREEING * link.shared:
            raise InputError(
                f"{names[first]} and {names[second]} share {link.shared} frames, but in no more "
                f"than {link.votes} they agree how they stand: a camera was moved, or their videos "
                "are not of the same time"
            )
        if first in placed:
            placed[second] = link.T_second_first @ placed[first]
        else:
            placed[first] = np.linalg.inv(link.T_second_first) @ placed[second]
    return np.stack([placed[camera] for camera in range(len(names))])


def _apart(names: tuple[str, ...], transforms: Floats, placed: set[int]) -> str:
    seen = np.isfinite(transforms[..., 0, 0]).sum(axis=1)
    one = ", ".join(names[camera] for camera in sorted(placed))
    other = ", ".join(
        f"{n} ({c} views)"
        for i, (n, c) in enumerate(zip(names, seen, strict=True))
        if i not in placed
    )
    return (
        f"the cameras {other} see the board in no frame that {one} see it in: hold it where "
        "neighbouring cameras see it at once; if they did, the videos did not start together"
    )


def _check_open(names: tuple[str, ...], links: dict[tuple[int, int], Link]) -> None:
    for (first, second), link in links.items():
        if link.is_open:
            raise InputError(
                f"{names[first]} and {names[second]}: this checkerboard looks the same after a "
                "turn and moved too little to tell which way round each camera sees it; turn and "
                "tilt it while recording, or use one with an even number of columns and an odd "
                "number of rows, or a ChArUco board"
            )


def _turns(T_camera_world: Floats, transforms: Floats, turned: Floats) -> Ints:
    """Return which turn (C, F) of the board each view shows, 0 in the first that sees it."""
    seen = np.isfinite(transforms[..., 0, 0])
    turns = np.where(seen, 0, -1)
    if len(turned) == 1:
        return turns
    worlds = np.linalg.inv(T_camera_world)[:, None] @ transforms  # (C, F, 4, 4) T_world_board
    first = np.argmax(seen, axis=0)
    reference = worlds[first, np.arange(len(first))]
    # a view turned by k has the pose T_true turn^-1, so T_true = T turn
    options = worlds[:, :, None] @ turned
    trace = (options[..., :3, :3] * reference[:, None, :3, :3]).sum(axis=(-2, -1))
    best = np.argmax(np.nan_to_num(trace, nan=-4.0), axis=-1)
    return np.where(seen, best, -1)
