"""How good learned offsets are: residuals on frames that were held out, certainty, warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.fit import terms
from mousepose.fit.arrays import Points
from mousepose.fit.offsets_step import OffsetPrior, SharedFit
from mousepose.fit.place import place
from mousepose.fit.setup import Animal, Setup, animal_marks, body_arrays
from mousepose.types import Floats

#: A residual has grown when its median is larger by this share, and it is larger in more points
#: than chance would make it in one case of a hundred (2.3 standard deviations of a fair coin).
_GROWN, _CHANCE = 0.10, 1.16
#: Fewer different poses than this do not tell a mark's place from a bone's turn.
_FEW_POSES = 3.0


@dataclass(frozen=True, eq=False)
class MarkQuality:
    """One mark: where it is now (mm forward, left, up), how sure that is, how it fits.

    `shift` (3,) mm is away from the guess, `sd` (3,) mm the uncertainty, `determined` (3,) which
    axes the recording decides; the others keep the guess. `seen` is a share of the frames learned
    from. Residuals are medians over held-out frames, px and mm at the animal; NaN where not seen.
    """

    name: str
    offset: Floats
    shift: Floats
    sd: Floats
    determined: NDArray[np.bool_]
    sigma: float
    seen: float
    before_px: float
    after_px: float
    before_mm: float
    after_mm: float
    grew: bool

    @property
    def learned(self) -> bool:
        """Return whether the recording decides any axis."""
        return bool(self.determined.any())


@dataclass(frozen=True, eq=False)
class Residuals:
    """Residuals (N, M) of marks in the images of frames that nothing was learned from; NaN: unseen.

    `pixels` px, `millimetres` mm at the distance of the animal.
    """

    pixels: Floats
    millimetres: Floats

    def grew_to(self, after: Residuals) -> NDArray[np.bool_]:
        """Return for which marks (M,) `after` is larger, by more than chance."""
        both = np.isfinite(self.pixels) & np.isfinite(after.pixels)
        count = np.maximum(both.sum(0), 1)
        worse = (both & (after.pixels > self.pixels)).sum(0) / count
        larger = _medians(after.pixels) > (1 + _GROWN) * _medians(self.pixels)
        return np.asarray(larger & (worse > 0.5 + _CHANCE / np.sqrt(count)))


def held_out_residuals(points: Points, setup: Setup, animal: Animal) -> Residuals:
    """Return how far marks lie from where the animal's best poses put them."""
    arrays, views = body_arrays(setup, animal), setup.views()
    poses, _, _ = place(
        arrays, views, setup.weights(), points, setup.body.axes, setup.config.iterations
    )
    marks, _ = terms.mark_points(arrays, terms.motion(arrays, poses))
    away, depths = [], []
    for view, turn in enumerate(views.rotation):
        there = marks @ turn.T + views.translation[view]
        depths.append(there[..., 2])
        away.append(np.linalg.norm(there[..., :2] / there[..., 2:] - points.xy[:, view], axis=-1))
    distance, depth = np.stack(away, 1), np.stack(depths, 1)  # (T, C, M)
    focal = np.array([camera.matrix[[0, 1], [0, 1]].mean() for camera in setup.cameras])
    flat = (-1, distance.shape[-1])
    return Residuals((distance * focal[:, None]).reshape(flat), (distance * depth).reshape(flat))


def _medians(values: Floats) -> Floats:
    """Return the medians (M,) of what is known of columns (N, M); NaN where nothing is."""
    known = [column[np.isfinite(column)] for column in values.T]
    return np.array([np.median(column) if len(column) else np.nan for column in known])


def describe_marks(
    setup: Setup, points: Points, fit: SharedFit, sigma: Floats, prior: OffsetPrior,
    residuals: Sequence[Residuals],
) -> tuple[MarkQuality, ...]:  # fmt: skip
    """Return the quality of every mark; `residuals` are those with the guess and after.

    What is free in `prior` has been learned from `points`, the rest is as it was guessed.
    """
    axes, ties, determined = setup.body.axes, prior.ties, prior.free
    guess = setup.keypoint_map.offset
    offset = fit.animal.offset @ axes.T
    sure = ties.spread(determined.astype(np.float64)) == 1
    sd = ties.spread(np.where(determined, np.sqrt(np.diag(fit.covariance)), prior.sd))
    sd = np.nan_to_num(sd)  # a midline mark is held in the middle
    seen = np.isfinite(points.xy[..., 0]).any(1).mean(0)
    before, after = residuals
    grew = before.grew_to(after)
    px, mm = (
        [_medians(getattr(side, unit)) for side in residuals] for unit in ("pixels", "millimetres")
    )
    out = []
    for m, name in enumerate(animal_marks(setup, fit.animal).names):
        learned = bool(sure[m].any())
        place_ = np.where(sure[m], offset[m], guess[m])
        out.append(
            MarkQuality(
                name=name,
                offset=place_,
                shift=place_ - guess[m],
                sd=sd[m],
                determined=sure[m],
                sigma=float(sigma[m] if learned else setup.keypoint_map.sigma[m]),
                seen=float(seen[m]),
                before_px=float(px[0][m]),
                after_px=float(px[1][m]),
                before_mm=float(mm[0][m]),
                after_mm=float(mm[1][m]),
                grew=bool(grew[m]),
            )
        )
    return tuple(out)


def warnings(marks: Sequence[MarkQuality], poses: float, setup: Setup) -> tuple[str, ...]:
    """Return in words what a user should know before trusting the offsets."""
    out = []
    if poses < _FEW_POSES:
        out.append(
            f"the recording shows only {poses:.1f} different poses, in effect, and in one pose a "
            "mark that sits elsewhere looks like a bone that is turned: take a recording in which "
            "the animal walks, turns and rears"
        )
    if setup.scale_source == "none":
        out.append(
            "nothing gives the scale, so offsets are those on an animal of typical size; give a "
            "body length"
        )
    kept = [mark.name for mark in marks if not mark.learned and mark.seen > 0]
    if kept and len(kept) < len(marks):
        out.append(f"kept as guessed, for the recording does not decide: {', '.join(kept)}")
    unseen = [mark.name for mark in marks if mark.seen == 0]
    if unseen:
        out.append(f"kept as guessed, for they are never seen: {', '.join(unseen)}")
    grown = [mark.name for mark in marks if mark.grew]
    if grown:
        out.append(f"held-out frames fit worse than with the guess at {', '.join(grown)}")
    if not fits_better(marks) and any(mark.learned for mark in marks):
        before, after = _typical(marks)
        out.append(
            f"held-out frames fit no better than with the guess (median {before:.2f} px before, "
            f"{after:.2f} px after): keep the guess"
        )
    return tuple(out)


def fits_better(marks: Sequence[MarkQuality]) -> bool:
    """Return whether held-out frames fit at least as well as with the guess."""
    before, after = _typical(marks)
    return after <= before


def _typical(marks: Sequence[MarkQuality]) -> tuple[float, float]:
    """Return the median of the marks' residuals before and after, px."""
    known = [
        (m.before_px, m.after_px) for m in marks if np.isfinite([m.before_px, m.after_px]).all()
    ]
    before, after = np.median(np.array(known).reshape(-1, 2), axis=0) if known else (0.0, 0.0)
    return float(before), float(after)
