"""What is drawn how often: the settings of the generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mousepose.errors import UnknownNameError
from mousepose.train.render.figures import COATS
from mousepose.train.render.views import VIEWS
from mousepose.types import require


def _views() -> dict[str, float]:
    return {"top": 0.24, "oblique": 0.24, "side": 0.26, "bottom": 0.26}


def _coats() -> dict[str, float]:
    return {"albino": 0.36, "black": 0.36, "agouti": 0.2, "piebald": 0.08}


@dataclass(frozen=True)
class RenderConfig:
    """How often each view and coat is drawn, and other shares of pictures (0-1).

    Raises `InputError` for shares outside 0 to 1 and for weights that are not positive in sum,
    `UnknownNameError` for a view or coat that is not known.
    """

    views: Mapping[str, float] = field(default_factory=_views)
    coats: Mapping[str, float] = field(default_factory=_coats)
    second_mouse: float = 0.2
    furniture: float = 0.5
    bars: float = 0.07
    tether: float = 0.05
    ear_tag: float = 0.04
    empty_frames: float = 0.12
    samples: int = 2

    def __post_init__(self) -> None:
        for what, weights, known in (("view", self.views, VIEWS), ("coat", self.coats, COATS)):
            for name, weight in weights.items():
                if name not in known:
                    raise UnknownNameError.of(what, name, known)
                require(weight >= 0, f"{what} {name}: expected a weight of 0 or more, got {weight}")
            require(sum(weights.values()) > 0, f"at least one {what} must have a weight above 0")
        for name in ("second_mouse", "furniture", "bars", "tether", "ear_tag", "empty_frames"):
            share = getattr(self, name)
            require(0 <= share <= 1, f"{name}: expected a share from 0 to 1, got {share}")
        require(1 <= self.samples <= 4, f"samples: expected 1 to 4, got {self.samples}")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for a header."""
        return asdict(self)
