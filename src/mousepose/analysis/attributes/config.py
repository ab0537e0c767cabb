"""Settings of the prediction of attributes, each with its unit."""

from __future__ import annotations

from dataclasses import dataclass

from mousepose.types import require


@dataclass(frozen=True)
class AttributeConfig:
    """How attributes are predicted and how sure that is. Raises `InputError` on senseless ones."""

    #: Parts into which the animals are split; each is predicted from the others.
    folds: int = 5
    #: How often the animals are split anew; scores are means over these splits.
    repeats: int = 5
    #: How often everything is done again with shuffled labels.
    permutations: int = 200
    #: How often the animals are drawn again for an interval.
    bootstraps: int = 2000
    #: Share of the intervals that shall hold the truth.
    level: float = 0.95
    #: What all that is random starts from.
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("folds", 2), ("repeats", 1), ("permutations", 0)):
            value = getattr(self, name)
            require(value >= least, f"{name}: expected {least} or more, got {value}")
        require(self.bootstraps >= 100, f"bootstraps: expected 100 or more, got {self.bootstraps}")
        require(0 < self.level < 1, f"level: expected a share between 0 and 1, got {self.level}")


@dataclass(frozen=True)
class SegmentConfig:
    """How recordings are cut into segments. Raises `InputError` on senseless numbers."""

    #: Length of a segment (s): several strides of a walking mouse.
    seconds: float = 2.0
    #: What the rates of change keep (Hz).
    bandwidth: float = 12.0
    #: A segment counts where the trunk is known in this share of its frames.
    least_known: float = 0.5
    #: An animal with fewer segments (or strides) than this has no value of its own.
    least_segments: int = 5

    def __post_init__(self) -> None:
        require(self.seconds > 0, f"seconds: expected a positive number, got {self.seconds}")
        require(
            self.least_segments >= 1,
            f"least_segments: expected 1 or more, got {self.least_segments}",
        )
