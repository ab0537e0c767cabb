"""Laws of the simulated gaits: paws come down and stand as the pattern says, and are found so."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.analysis.gait import analyse_gait
from mousepose.body.default import default_body
from mousepose.errors import InputError
from mousepose.simulate import GAITS, FootfallPattern, walking_mouse

BODY = default_body()
HOW = {"walk": (45.0, 2.2), "trot": (55.0, 3.5), "gallop": (60.0, 6.5)}
LIMBS = ("left_fore", "right_fore", "left_hind", "right_hind")


@pytest.mark.parametrize("name", list(GAITS))
def test_a_gait_is_made_as_it_says_and_found_again(name: str) -> None:
    length, often = HOW[name]
    walk = walking_mouse(
        BODY, 3.0, 100.0, stride_length_mm=length, strides_per_second=often,
        turn_radius_mm=np.inf, gait=name,
    )  # fmt: skip
    pattern = GAITS[name]
    np.testing.assert_allclose(walk.paw_contacts.mean(axis=0), pattern.duty, atol=0.04)
    gait = analyse_gait(walk.sequence(BODY))
    bout = gait.bouts.iloc[0]
    assert bout["events_stride_length_mm"] == pytest.approx(length, abs=0.5)
    assert bout["spectral_stride_length_mm"] == pytest.approx(length, abs=1.0)
    assert bout["spectral_stride_length_low_mm"] < length < bout["spectral_stride_length_high_mm"]
    own = gait.strides[gait.strides["limb"] == "left hind"]
    for limb, phase in zip(LIMBS, pattern.phases, strict=True):
        turned = np.exp(2j * np.pi * (own[f"phase_{limb}"].dropna() - phase + pattern.phases[2]))
        assert abs(np.angle(turned.mean())) < 2 * np.pi * 0.03


def test_a_gait_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="walk, trot, gallop"):
        walking_mouse(BODY, 1.0, gait="hop")
    with pytest.raises(InputError, match="phases"):
        walking_mouse(BODY, 1.0, gait=FootfallPattern("odd", (0.0, 0.5, 1.0, 0.2), 0.6))
    with pytest.raises(InputError, match="duty"):
        walking_mouse(BODY, 1.0, gait=FootfallPattern("odd", (0.0, 0.5, 0.5, 0.0), 1.0))
