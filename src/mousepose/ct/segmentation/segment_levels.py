"""Where air, soft tissue and bone lie among a scan's values: read off its histogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: At most so many voxels are asked; more tell nothing new about a histogram.
_ASKED = 2_000_000
_BINS = 512
#: Bone is at least so much above soft tissue, in units of the step from air to soft tissue. In
#: Hounsfield units the step is 1000 to 1050, so this is about 250: above contrast-free organs.
_LEAST_BONE_STEP = 0.25
_ROUNDS = 20
#: Fat is at -100 HU; below this there is foam and fur.
_LEAST_TISSUE_HU = -300.0
_LEAST_BETWEEN = 0.72


@dataclass(frozen=True)
class Levels:
    """The values of `air` and soft `tissue`, and the thresholds between them and above: a scan's.

    `skin` parts air from tissue, `bone` parts tissue from bone, both in the units of the scan.
    `noise` is the standard deviation of the values in soft tissue from voxel to voxel.
    """

    air: float
    tissue: float
    skin: float
    bone: float
    noise: float


def otsu(values: NDArray[np.float32], bins: int = _BINS) -> float:
    """Return the threshold that parts values into two classes (Otsu 1979, IEEE SMC 9:62)."""
    counts, edges = np.histogram(values, bins=bins)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = total / below - (total[-1] - total) / above
        between = below * above * gap**2
    best = np.flatnonzero(between == np.nanmax(between))
    return float(edges[1:][best].mean())  # an empty stretch of histogram: its middle


def is_even(values: NDArray[np.float32], hounsfield: bool) -> bool:
    """Return whether nothing in a scan stands out: noise alone, or less dense than any tissue.

    Of noise, Otsu's two classes explain 64 % of the variance; of air and a mouse, over 90 %.
    """
    air, tissue = air_and_tissue(values, hounsfield)
    if tissue <= air or (hounsfield and tissue < _LEAST_TISSUE_HU):
        return True
    asked = values.reshape(-1)[:: max(1, values.size // _ASKED)].astype(np.float64)
    asked = np.clip(asked, *np.percentile(asked, (0.1, 99.5)))
    above = asked > (air + tissue) / 2
    share = float(above.mean())
    if not 0 < share < 1:
        return True
    between = share * (1 - share) * (asked[above].mean() - asked[~above].mean()) ** 2
    return bool(between < _LEAST_BETWEEN * asked.var())


def air_and_tissue(values: NDArray[np.float32], hounsfield: bool) -> tuple[float, float]:
    """Return the values of air and of soft tissue.

    Air is the median of what Otsu's threshold leaves below, tissue that of what lies above. Values
    above the 99.5th percentile (bone, metal) and, in Hounsfield units, beneath air (outside the
    scanner's circle) do not vote.
    """
    asked = values.reshape(-1)[:: max(1, values.size // _ASKED)].astype(np.float32)
    low = -1024.0 if hounsfield else float(np.percentile(asked, 0.05))
    high = 300.0 if hounsfield else float(np.percentile(asked, 99.5))
    asked = np.clip(asked, low, max(high, low + 1e-6))
    threshold = otsu(asked)
    below, above = asked[asked <= threshold], asked[asked > threshold]
    if not len(below) or not len(above):
        return float(np.median(asked)), float(np.median(asked))
    return float(np.median(below)), float(np.median(above))


def bone_threshold(inside: NDArray[np.float32], air: float, tissue: float) -> float:
    """Return the threshold of bone from the values in the body (N,), flattened and without noise.

    It lies halfway between soft tissue and the mean of what is above the threshold itself
    (Ridler & Calvard 1978, IEEE SMC 8:630), so it follows the mineral content and the voxel size.
    """
    least = tissue + _LEAST_BONE_STEP * (tissue - air)
    high = inside[inside > least]
    if len(high) < 10:
        return least
    high = np.minimum(high, np.percentile(high, 99))  # metal and enamel
    threshold = least
    for _ in range(_ROUNDS):
        following = max(least, (tissue + float(high[high >= threshold].mean())) / 2)
        if abs(following - threshold) < 1e-3 * (tissue - air):
            break
        threshold = following
    return threshold


def noise_of(values: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Return the standard deviation of the noise of `values` (X, Y, Z) among the voxels `where`.

    From the difference of neighbours along the longest axis, by its median: edges hardly count.
    """
    axis = int(np.argmax(values.shape))
    if values.shape[axis] < 2:
        return 0.0
    first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
    second = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
    both = where[first] & where[second]
    if not both.any():
        return 0.0
    step = (values[second] - values[first])[both]
    return float(1.4826 * np.median(np.abs(step)) / np.sqrt(2))
