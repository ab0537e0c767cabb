"""Pictures of gait, ready for a paper: the gait diagram, stride lengths, phases between limbs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.report.canvas import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    VERMILLION,
    drawing,
    grid_lines,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mousepose.analysis.gait import Gait

#: The limbs from the bottom of the diagram to its top.
ROWS = ("right hind", "right fore", "left fore", "left hind")
COLOURS = {
    "left hind": BLUE, "left fore": GREEN, "right fore": ORANGE, "right hind": VERMILLION,
}  # fmt: skip
_SHOWN_S = 3.0
#: More points than this make a cloud no clearer.
_MOST_POINTS = 4000


def draw_gait(folder: Path, gait: Gait) -> list[Path]:
    """Draw what the tables hold into a folder and return the paths of the pictures.

    Pictures for which nothing is known are left out.
    """
    written = []
    strides = gait.strides[gait.strides["quality"] != "irregular"]
    if len(strides):
        path = folder / "gait-diagram.png"
        with drawing(path, 7.2, 2.6) as figure:
            draw_diagram(figure.subplots(), gait)
        written.append(path)
    if len(gait.bouts):
        path = folder / "stride-lengths.png"
        with drawing(path, 7.2, 3.2) as figure:
            left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
            draw_lengths(left, strides, gait.rhythm)
            draw_speed(right, strides, gait.rhythm)
        written.append(path)
    if len(strides) and _reference(strides) is not None:
        path = folder / "phases.png"
        with drawing(path, 4.2, 4.0) as figure:
            draw_phases(figure.add_subplot(projection="polar"), strides)
        written.append(path)
    return written


def draw_diagram(axes: Axes, gait: Gait) -> None:
    """Draw when each limb stands, in the bout with most good strides, for up to 3 s."""
    strides = gait.strides[gait.strides["quality"] != "irregular"]
    bout = strides["bout"].value_counts().idxmax()
    own = strides[strides["bout"] == bout]
    middle = float(own["contact_s"].median())
    start = max(float(own["contact_s"].min()), middle - _SHOWN_S / 2)
    stop = start + _SHOWN_S
    for row, limb in enumerate(ROWS):
        steps = own[(own["limb"] == limb) & (own["contact_s"] < stop) & (own["lift_off_s"] > start)]
        begin = np.maximum(steps["contact_s"], start) - start
        end = np.minimum(steps["lift_off_s"], stop) - start
        axes.broken_barh(
            list(zip(begin, end - begin, strict=True)), (row - 0.36, 0.72), color=COLOURS[limb]
        )
        if not len(own[own["limb"] == limb]):
            axes.text(0.01, row, "not known", color=GREY, va="center")
    end_of_data = min(stop, float(own["next_contact_s"].max()))
    axes.set_xlim(0, end_of_data - start)
    axes.set_ylim(-0.6, len(ROWS) - 0.4)
    axes.set_yticks(range(len(ROWS)), ROWS)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"time from {start:.2f} s (s)")
    axes.set_title(f"Stance of each limb, {own['speed_mm_s'].median():.0f} mm/s")
    grid_lines(axes, "x")


def draw_lengths(axes: Axes, strides: pd.DataFrame, rhythm: pd.DataFrame) -> None:
    """Draw how stride lengths are spread, by paws and by the rhythm of the body."""
    by_paws = strides["stride_length_mm"].dropna().to_numpy()
    by_rhythm = rhythm["stride_length_mm"].dropna().to_numpy()
    together = np.concatenate([by_paws, by_rhythm])
    if not len(together):
        axes.text(0.5, 0.5, "no stride length known", ha="center", transform=axes.transAxes)
        return
    low, high = np.percentile(together, [1, 99])
    pad = max(0.15 * (high - low), 2.0)
    edges = list(np.linspace(max(0.0, low - pad), high + pad, 31))
    kinds = ((by_paws, BLUE, "limbs"), (by_rhythm, VERMILLION, "rhythm of the body"))
    for values, colour, name in kinds:
        if len(values):
            share = np.full(len(values), 100 / len(values))
            label = f"{name}: median {np.median(values):.1f} mm, n = {len(values):,}"
            axes.hist(values, edges, weights=share, histtype="stepfilled", color=colour, alpha=0.25)
            axes.hist(
                values, edges, weights=share, histtype="step", color=colour, linewidth=1.4,
                label=label,
            )  # fmt: skip
    axes.set_ylim(0, axes.get_ylim()[1] * 1.25)
    axes.set_xlabel("stride length (mm)")
    axes.set_ylabel("share (%)")
    axes.set_title("Stride length")
    axes.legend(loc="upper left")
    grid_lines(axes)


def draw_speed(axes: Axes, strides: pd.DataFrame, rhythm: pd.DataFrame) -> None:
    """Draw stride frequency against speed, by paws and by rhythm: what to match speeds by."""
    kinds = ((strides, BLUE, "limbs", 5), (rhythm, VERMILLION, "rhythm", 14))
    for table, colour, name, size in kinds:
        if len(table):
            shown = table.sample(min(len(table), _MOST_POINTS), random_state=0)
            axes.scatter(
                shown["speed_mm_s"], shown["stride_frequency_hz"], s=size, color=colour, alpha=0.6,
                linewidths=0, label=name,
            )  # fmt: skip
    for limit, column in ((axes.set_xlim, "speed_mm_s"), (axes.set_ylim, "stride_frequency_hz")):
        limit(0, 1.15 * max(float(table[column].max()) for table, *_ in kinds if len(table)))
    axes.set_xlabel("speed (mm/s)")
    axes.set_ylabel("stride frequency (Hz)")
    axes.set_title("Frequency and speed")
    axes.legend(loc="lower left")
    grid_lines(axes, "both")


def draw_phases(axes: Axes, strides: pd.DataFrame) -> None:
    """Draw when in the stride of one hind (or fore) limb the other limbs come down."""
    reference = _reference(strides)
    own = strides[strides["limb"] == reference]
    for limb in ROWS:
        column = f"phase_{limb.replace(' ', '_')}"
        phases = own[column].dropna().to_numpy() * 2 * np.pi
        if limb == reference or not len(phases):
            continue
        counts, edges = np.histogram(phases, np.linspace(0, 2 * np.pi, 37))
        axes.bar(
            edges[:-1], counts / counts.max(), width=np.diff(edges), align="edge",
            color=COLOURS[limb], alpha=0.35,
        )  # fmt: skip
        mean = np.exp(1j * phases).mean()
        axes.plot([0, np.angle(mean)], [0, abs(mean)], color=COLOURS[limb], linewidth=2.2)
        share = round(np.angle(mean) / (2 * np.pi), 2) % 1
        axes.plot([], [], color=COLOURS[limb], linewidth=2.2, label=f"{limb}: {share:.2f}")
    axes.set_xticks(np.arange(8) * np.pi / 4, ["0", "", "0.25", "", "0.5", "", "0.75", ""])
    axes.set_yticks([0.5, 1.0], ["", ""])
    axes.set_ylim(0, 1.05)
    axes.grid(True, color=FAINT, linewidth=0.6)
    axes.spines["polar"].set_color(GREY)
    axes.set_title(f"Phase in the stride of the {reference} limb", color=INK)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3, columnspacing=1.0)


def _reference(strides: pd.DataFrame) -> str | None:
    """Return the limb with most strides among which others' phases are known, hind limbs first."""
    for limb in ("right hind", "left hind", "right fore", "left fore"):
        own = strides[strides["limb"] == limb]
        others = [f"phase_{other.replace(' ', '_')}" for other in ROWS if other != limb]
        if len(own) and own[others].notna().any().any():
            return limb
    return None
