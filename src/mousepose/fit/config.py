"""What a user may set of the fit, each with its unit, and what makes a result metric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mousepose.types import require

Kind = Literal["none", "model", "body_length", "weight", "bone", "floor", "camera_height"]

_CHOICES = {
    "prior": ("learned", "isotropic", "published"),
    "report": ("skeleton", "marks"),
}


@dataclass(frozen=True)
class FitConfig:
    """Settings of the fit; the defaults suit video of one mouse from one camera."""

    pixel_sigma: float = 2.0  #: px, standard deviation of a keypoint of confidence 1
    robust: float = 8.0  #: standard deviations at which a point's pull is halved; inf = never
    min_confidence: float = 0.1  #: keypoints below count as not seen
    min_keypoints: int = 5  #: a frame with fewer is not solved on its own
    iterations: int = 15  #: most solver steps a frame
    prior: Literal["learned", "isotropic", "published"] = "learned"  #: how mice bend
    prior_weight: float = 1.0  #: factor on the prior's energy
    limits: bool = True  #: joint limits, soft
    limit_sigma: float = 0.05  #: rad beyond a joint limit that cost as much as one sigma
    animal_shape: bool = True  #: fit bone lengths and mark offsets once per animal
    animal_bending: bool = True  #: learn once per animal how it bends
    temporal: bool = True  #: smooth through time; False = every frame alone
    exchange: bool = True  #: put left and right back where a tracker mistook one for the other
    window: int = 960  #: frames smoothed together
    overlap: int = 40  #: frames of context on either side of a window
    longest_gap: float = 0.5  #: s without keypoints that are bridged
    floor: bool = True  #: use the floor plane where a camera has one
    floor_sigma: float = 1.5  #: mm that a paw may sink or stand off
    report: Literal["skeleton", "marks"] = "skeleton"  #: dataset keypoints, or the tracker's own

    def __post_init__(self) -> None:
        for name in ("pixel_sigma", "robust", "prior_weight", "limit_sigma", "floor_sigma"):
            value = getattr(self, name)
            good = value > 0 and (name == "robust" or math.isfinite(value))
            require(good, f"config {name}: expected a finite number above 0, got {value}")
        require(
            0 <= self.min_confidence <= 1,
            f"config min_confidence: expected 0 to 1, got {self.min_confidence}",
        )
        require(self.min_keypoints >= 3, "config min_keypoints: a pose needs at least 3 keypoints")
        require(self.iterations >= 1, "config iterations: expected 1 or more")
        require(
            self.window >= 2 and self.overlap >= 0,
            "config window and overlap: expected at least 2 and at least 0 frames",
        )
        require(self.longest_gap >= 0, "config longest_gap: expected 0 s or more")
        for name, known in _CHOICES.items():
            require(
                getattr(self, name) in known,
                f"config {name}: expected {' or '.join(known)}, got {getattr(self, name)!r}",
            )
        require(
            self.prior != "published" or not self.temporal,
            "config prior 'published' knows nothing of time: set temporal=False with it",
        )


@dataclass(frozen=True)
class Scale:
    """What makes a one-camera result metric: size and distance cannot be told apart in one view.

    Build it with one of the class methods. Raises `InputError` for a number that is no length.
    """

    kind: Kind = "none"
    value: float = math.nan
    bone_name: str = ""

    def __post_init__(self) -> None:
        if self.kind in ("body_length", "weight", "bone", "camera_height"):
            require(
                math.isfinite(self.value) and not self.value <= 0,
                f"scale {self.kind}: expected a number above 0, got {self.value}",
            )

    @classmethod
    def none(cls) -> Scale:
        """Return no scale: the size of the body model stands in, and the result says so."""
        return cls()

    @classmethod
    def model(cls) -> Scale:
        """Return that the body's own bone lengths are exactly those of the animal."""
        return cls("model")

    @classmethod
    def body_length(cls, mm: float) -> Scale:
        """Return the animal's usual straight distance from snout to tail base."""
        return cls("body_length", mm)

    @classmethod
    def weight(cls, grams: float) -> Scale:
        """Return the animal's weight: lengths grow with its cube root."""
        return cls("weight", grams)

    @classmethod
    def bone(cls, name: str, mm: float) -> Scale:
        """Return the length of one bone, named by the joint at which it ends."""
        return cls("bone", mm, name)

    @classmethod
    def floor(cls) -> Scale:
        """Return that the camera's floor plane, on which the mouse walks, gives the scale."""
        return cls("floor")

    @classmethod
    def camera_height(cls, mm: float) -> Scale:
        """Return the camera's height above the floor; the camera file gives the floor's tilt."""
        return cls("camera_height", mm)

    def __str__(self) -> str:
        unit = "g" if self.kind == "weight" else "mm"
        name = f"{self.kind} {self.bone_name}".strip()
        return name if math.isnan(self.value) else f"{name} {self.value:g} {unit}"
