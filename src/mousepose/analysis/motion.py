"""The points of one animal through time, as every analysis takes them.

`motion_of` makes them of a `PoseSequence`, or of the `Keypoints3D` of any other program.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError, UnknownNameError
from mousepose.skeleton import canonical_name
from mousepose.types import Floats, Ints, Keypoints3D, PoseSequence, State, require

#: A step in time longer than this many frames is a gap.
_GAP = 1.5
#: Above this spread (interquartile range over median) of the steps, there is no one frame rate.
_UNSTEADY = 0.25
#: Frame rates below which no stride of a mouse can be told from another (Hz).
_SLOWEST = 12.0


@dataclass(frozen=True, eq=False)
class Motion:
    """`xyz` (T, K, 3) mm, NaN = unknown; `seen` (T, K): with evidence of its own in this frame.

    `variance` (T, K, 3) mm^2 is the diagonal of the covariance, None where none is known. `names`
    are those of the skeleton where a point is one of them. `run` (T,) numbers stretches of frames
    without a gap in time, `rate` is in Hz. `facing` rad (from x to y) is where the animal heads as
    long as its trunk cannot tell, None where nobody knows.
    """

    xyz: Floats
    seen: NDArray[np.bool_]
    times: Floats
    names: tuple[str, ...]
    run: Ints
    rate: float
    variance: Floats | None = None
    facing: float | None = None

    def __len__(self) -> int:
        return len(self.times)

    def has(self, name: str) -> bool:
        """Tell whether a point of this name is known in any frame."""
        return name in self.names and bool(np.isfinite(self.of(name)[:, 0]).any())

    def of(self, name: str) -> Floats:
        """Return one point (T, 3) mm. Raises `UnknownNameError`."""
        return self.xyz[:, self.index(name)]

    def index(self, name: str) -> int:
        """Return the place of a point among `names`. Raises `UnknownNameError`."""
        try:
            return self.names.index(name)
        except ValueError:
            raise UnknownNameError.of("keypoint", name, self.names) from None

    def variance_of(self, name: str) -> Floats:
        """Return the variances (T, 3) mm^2 of one point, 0 where none are known."""
        if self.variance is None:
            return np.zeros((len(self), 3))
        return self.variance[:, self.index(name)]

    def cut(self, start: int, stop: int) -> Motion:
        """Return the frames from place `start` to before `stop`."""
        part = slice(start, stop)
        variance = None if self.variance is None else self.variance[part]
        return replace(
            self, xyz=self.xyz[part], seen=self.seen[part], times=self.times[part],
            run=self.run[part], variance=variance,
        )  # fmt: skip


def motion_of(
    source: PoseSequence | Keypoints3D | Motion, seen: NDArray[np.bool_] | None = None
) -> Motion:
    """Return the motion of a sequence of poses, or of points of any other program.

    `seen` (T, K) tells which plain points have evidence of their own, by default all given ones.
    Raises `InputError` where there are fewer than two frames, where the times do not increase, and
    where the frame rate changes or is below 12 Hz.
    """
    if isinstance(source, Motion):
        return source
    covariance: Floats | None = source.covariance
    if isinstance(source, PoseSequence):
        xyz = source.keypoints
        seen = source.state == State.SEEN
    else:
        xyz = source.xyz
        seen = np.ones(xyz.shape[:2], bool) if seen is None else seen
    run, rate = _runs(source.times)
    known = np.asarray(np.isfinite(xyz).all(axis=-1))
    variance = None
    if covariance is not None:
        variance = np.ascontiguousarray(np.diagonal(covariance, axis1=-2, axis2=-1))
    return Motion(
        np.where(known[..., None], xyz, np.nan),
        seen & known,
        np.asarray(source.times, np.float64),
        tuple(map(_known_name, source.keypoint_names)),
        run,
        rate,
        variance,
    )


def _runs(times: Floats) -> tuple[Ints, float]:
    """Return for each frame the number (T,) of its stretch without gap, and the frame rate (Hz)."""
    require(len(times) > 1, f"too short: {len(times)} frame(s); motion needs at least two")
    steps = np.diff(times)
    require(bool((steps > 0).all()), "the times of the frames do not increase")
    low, step, high = np.percentile(steps, [25, 50, 75])
    if (high - low) / step > _UNSTEADY:
        raise InputError(
            f"the frame rate changes ({1 / high:.3g} to {1 / low:.3g} frames/s): analyse the parts "
            "of one rate each, or give the true times"
        )
    if step * _SLOWEST > 1:
        raise InputError(
            f"{1 / step:.3g} frames/s is too slow for a mouse: at least {_SLOWEST:g} are needed; "
            "if this is not the rate of the recording, say it with --fps"
        )
    return np.concatenate([[0], np.cumsum(steps > _GAP * step)]), float(1 / step)


def _known_name(name: str) -> str:
    try:
        return canonical_name(name)
    except UnknownNameError:
        return name
