"""How accurate recordings of different rigs are to be expected: what `mousepose rig` tells.

Every setting differs from one plan in one thing: simulated walks of several mice are seen by its
cameras, reconstructed and compared with their truth. `--page` puts the table into the how-to page.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from common import REPOSITORY, Measured, arguments, run

from mousepose.atomic import atomic_path
from mousepose.geometry.camera import pinhole
from mousepose.report.rig import RigScale, measure_rig
from mousepose.simulate.rig import Rig, cameras_around

PAGE = REPOSITORY / "docs" / "how-accurate-on-my-rig.md"
MARKED = re.compile(r"(<!-- benchmarks/rig.py -->\n\n).*?(\n<!-- end -->)", re.DOTALL)
MICE, SECONDS = 4, 4.0
PARTS = {
    "all": "all",
    "trunk": "trunk",
    "knees, elbows": "knees and elbows",
    "feet seen": "feet seen",
    "feet hidden": "feet not seen",
    "tail": "tail",
}


@dataclass(frozen=True)
class Plan:
    """One setting."""

    distance_mm: float = 500.0
    elevation_deg: float = 30.0
    cameras: int = 1
    noise_px: float = 2.0
    hidden_feet: float = 0.3
    frames_per_second: float = 60.0
    keypoints: str = "dataset22"
    scale: RigScale = "floor"

    def rig(self) -> Rig:
        """Return its rig: a lens of 60 degrees on 1280 x 1024 px."""
        lens = pinhole((1280, 1024), 1108.5)
        stands = cameras_around(lens, self.cameras, self.distance_mm, self.elevation_deg)
        return Rig(stands, self.keypoints, self.noise_px, self.hidden_feet, self.frames_per_second)


_SIDE = Plan(elevation_deg=0.0, scale="body-length")
#: Every setting by its name on the page and in the figures.
PLANS: Mapping[str, tuple[str, Plan]] = {
    "plan": ("the plan: 1 camera, 500 mm, 30°, 2 px, 22 keypoints", Plan()),
    "elevation_0": ("from the side (0°), scale from the body length", _SIDE),
    "elevation_15": ("15° above the horizon", Plan(elevation_deg=15.0)),
    "elevation_60": ("60°", Plan(elevation_deg=60.0)),
    "elevation_90": ("straight from above (90°)", Plan(elevation_deg=90.0)),
    "elevation_below": ("from below, through glass (-90°)", Plan(elevation_deg=-90.0)),
    "body_length": ("scale from the body length, not the floor", Plan(scale="body-length")),
    "distance_300": ("300 mm away", Plan(distance_mm=300.0)),
    "distance_1000": ("1000 mm away", Plan(distance_mm=1000.0)),
    "noise_1": ("tracker error 1 px", Plan(noise_px=1.0)),
    "noise_4": ("tracker error 4 px", Plan(noise_px=4.0)),
    "noise_8": ("tracker error 8 px", Plan(noise_px=8.0)),
    "feet_shown": ("feet never hidden", Plan(hidden_feet=0.0)),
    "feet_hidden": ("feet hidden 60 % of the time", Plan(hidden_feet=0.6)),
    "fps_30": ("30 frames a second", Plan(frames_per_second=30.0)),
    "fps_120": ("120 frames a second", Plan(frames_per_second=120.0)),
    "cameras_2": ("2 cameras, opposite each other", Plan(cameras=2)),
    "cameras_4": ("4 cameras around", Plan(cameras=4)),
    "dannce22": ("DANNCE's 22 keypoints", Plan(keypoints="dannce22")),
    "homecage15": ("15 keypoints of a home cage: haunches, no elbows, no paws",
                   Plan(keypoints="homecage15")),
    "superanimal27": ("SuperAnimal's 27 from above (90°): no legs",
                      Plan(elevation_deg=90.0, keypoints="superanimal27")),
}  # fmt: skip


def measure(options: argparse.Namespace) -> Measured:
    """Measure every setting."""
    columns = ("setting", *PARTS, "in 90 %", "stride", "in place")
    measured = Measured("Errors to be expected of rigs, mm, root-aligned", columns)
    for key, (name, plan) in PLANS.items():
        found = measure_rig(
            plan.rig(), scale=plan.scale, mice=options.mice, seconds=options.seconds
        )
        every = found.parts["all"]
        figures = {
            title.replace(", ", "_").replace(" ", "_"): found.parts[part].root
            for title, part in PARTS.items()
            if found.parts[part].points
        }
        figures |= {"inside_90": 100 * every.in_90_region, "stride": found.stride_mm}
        figures["place"] = every.place
        measured.add_figures(key, figures)
        measured.add_row(name, *_cells(measured.figures, key))
    measured.ran_on.append(f"{options.mice} simulated mice of {options.seconds:g} s a setting")
    if options.page:
        with atomic_path(PAGE) as temporary:
            text = PAGE.read_text(encoding="utf-8")
            temporary.write_text(with_table(text, measured.figures), encoding="utf-8")
    return measured


def _cells(figures: Mapping[str, float], key: str) -> list[float]:
    names = [*(title.replace(", ", "_").replace(" ", "_") for title in PARTS)]
    names += ["inside_90", "stride", "place"]
    return [figures.get(f"{key}.{name}", float("nan")) for name in names]


def with_table(text: str, figures: Mapping[str, float]) -> str:
    """Return the page with the table of these figures in it."""
    titles = ("", *PARTS, "truth in the 90 % region", "stride length", "all, in place")
    lines = [f"| {' | '.join(titles)} |", "| --- |" + " ---: |" * (len(titles) - 1)]
    for key, (name, _) in PLANS.items():
        *errors, inside, stride, place = _cells(figures, key)
        cells = ["" if math.isnan(value) else f"{value:.1f}" for value in errors]
        cells += [f"{inside:.0f} %", f"{stride:.1f}", f"{place:.1f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return MARKED.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], text)


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--mice", type=int, default=MICE, help="simulated mice a setting")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each walks")
    parser.add_argument("--page", action="store_true", help=f"write the table into {PAGE.name}")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
