"""What the page of benchmarks says of the fit, and what a section of it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

REAL = ("real_mouse1_noise2", "real_mouse1_noise0")
SYNTHETIC = tuple(f"synthetic_angles_{name}" for name in ("n0", "n2", "n4", "n2drop4"))
_ERRORS = {
    "root-aligned": "root.all",
    "median": "root_median",
    "rigid: all": "rigid.all",
    "trunk": "rigid.trunk",
    "limbs": "rigid.limbs",
    "similarity": "similarity.all",
    "camera": "camera.all",
    "mirrored %": "mirrored_percent",
    "in 90 % region": "inside_90_percent_region",
    "unsolved": "unsolved",
}


@dataclass(frozen=True)
class Section:
    """One benchmark on the page: its file `name`, script, arguments, text, and table.

    A row is every prefix that has a figure with the first column's suffix. Where `rows` is given
    the table lists those figures instead, one a row.
    """

    name: str
    script: str
    title: str
    text: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[str] = ()
    options: Sequence[str] = ()

    def command(self, folder: str) -> list[str]:
        """Return the arguments that measure it, problem files in `folder`."""
        files = [f"{folder}/{problem}.npz" for problem in self.problems]
        return [f"benchmarks/{self.script}.py", *files, *self.options]


FIT_SECTIONS = (
    Section(
        "accuracy",
        "accuracy",
        "Accuracy, every view alone",
        "Single views with true 3D; errors in mm. `real_mouse1` are 20 hand-labelled poses of a "
        "real mouse in 6 views each, at 2 % and at no noise. The prior, the offsets of the marks "
        "and the linear model were learned without these 20 poses; the other 61 of this mouse were "
        "among the data. As on any recording, one shape and one set of mark offsets is learned for "
        "the animal from all views of a file; the ablation table has the figures without (`no "
        "animal shape`). The labels themselves vary by about 2 mm, which no method can go below. "
        "`synthetic_angles` is a sequence of 200 frames of random joint angles on the published "
        "skeleton, fitted with that skeleton and an isotropic prior.",
        columns=_ERRORS,
        problems=(*REAL, *SYNTHETIC),
    ),
    Section(
        "accuracy_sequence",
        "accuracy",
        "Accuracy, through time",
        "The synthetic sequences fitted through time.",
        columns=_ERRORS,
        problems=SYNTHETIC,
        options=("--sequence",),
    ),
    Section(
        "multiview",
        "multiview",
        "Several cameras, and paws that no camera sees",
        "The 20 held-out poses through the recording's own cameras and lenses, 2 % noise, every "
        "moment alone; mm, parts root-aligned.",
        columns={
            "root-aligned": "root.all",
            "trunk": "root.trunk",
            "limbs": "root.limbs",
            "paws": "root.paws",
            "rigid-aligned": "rigid.all",
            "camera": "camera.all",
            "in 90 % region": "inside_90_percent_region",
        },
    ),
    Section(
        "homecage",
        "homecage",
        "A real recording: one view against four",
        "120 frames of a mouse in its home cage, proof-read 2D of one view (or two) against the 3D "
        "that four views give, whose own error is 1 to 2 mm; mm, parts rigid-aligned. The marks of "
        "this tracker sit where their names say: nothing was fitted to this recording but its "
        "animal's shape, and its nose to tail base distance is given as the scale. The animal "
        "crouches in all frames, so that this is shorter than its mean: what that does to the "
        "scale is the difference between rigid and similarity, and in camera.",
        columns={
            "camera": "camera.all",
            "root-aligned": "root.all",
            "rigid: all": "rigid.all",
            "trunk": "rigid.trunk",
            "sides": "rigid.sides",
            "tail": "rigid.tail",
            "similarity": "similarity.all",
            "in 90 % region": "inside_90_percent_region",
        },
    ),
    Section(
        "calibration",
        "calibration",
        "Is the stated uncertainty true?",
        "Share of truths inside the stated regions (%) on the held-out real poses, single views, "
        "limbs hidden at random (views left with fewer than five points are not solved); positions "
        "in the camera frame. Error and stated SD in mm, rms per axis.",
        columns={
            **{f"in {level} %": f"inside_{level}" for level in (50, 80, 90, 95)},
            "error": "error_mm",
            "stated": "stated_mm",
            "joints": "count",
        },
    ),
    Section(
        "ablation",
        "ablation",
        "What each term is worth",
        "Each row differs from `full` in the one thing it names; mm, parts rigid-aligned. "
        "Outliers: 5 % of the points moved by 40 px.",
        columns={
            "root-aligned": "root",
            "rigid: all": "rigid",
            "trunk": "trunk",
            "limbs": "limbs",
            "mirrored %": "mirrored_percent",
        },
        problems=("real_mouse1_noise2", "synthetic_angles_n2"),
    ),
    Section(
        "speed",
        "speed",
        "Speed",
        "One thread. The published code takes 0.5 to 2.7 s a frame (run unchanged on one core of a "
        "machine of this class).",
        rows={
            "frames a second, the solver from a rough start": "fit.per_second",
            "steps a frame": "fit.steps",
            "% of these fits within 5 mm of the truth": "fit.within_5mm_percent",
            "frames a second, every frame alone, end to end": "alone.per_second",
            "times as fast as the published code, at least": "alone.times_published_least",
            "times as fast as the published code, at most": "alone.times_published_most",
            "frames a second through time, end to end": "sequence.per_second",
            "seconds from a new process to the first pose": "start_seconds",
            "ms for a mesh of 5,208 vertices": "mesh.ms",
            "frames streamed from Parquet to Parquet": "stream.frames",
            "frames a second while streaming": "stream.per_second",
            "MB of memory at most while streaming": "stream.peak_mb",
        },
    ),
    Section(
        "doors",
        "doors",
        "Files and cameras",
        "Layouts of other programs that are read, formats that are written, what a round trip "
        "changes, and how exactly cameras are found: boards on rendered pictures against "
        "aniposelib on the same corners, cages on simulated corners clicked 2 px off.",
        rows={
            "layouts read": "formats_in",
            "formats written and read back": "formats_out",
            "largest change in a round trip, px": "roundtrip.max_error_px",
            "million cells a second of a DeepLabCut csv": "csv.million_cells_per_second",
            "MB of memory at most while it becomes Parquet": "csv.peak_mb",
            "board, held-out reprojection, px": "calibrate.board_px",
            "the same of aniposelib, px": "calibrate.aniposelib_px",
            "cage, error of the scale, % (median)": "calibrate.cage_scale_percent",
        },
    ),
    Section(
        "guess",
        "doors_guess",
        "A camera guessed from the mouse alone",
        "Real motion of a mouse seen by 12 cameras that were never there, 20 to 85 degrees above "
        "the floor, 2 px of noise; its mean body length is told. Medians, the worst tenth, and the "
        "median of what the guess itself states (1 SD); tilt in degrees, scale and focal length in "
        "%.",
        columns={
            "tilt": "tilt_degrees",
            "worst tenth": "tilt_degrees_p90",
            "stated": "stated_tilt_degrees",
            "scale": "scale_percent",
            "worst tenth ": "scale_percent_p90",
            "stated ": "stated_scale_percent",
            "focal length": "focal_percent",
            "stated  ": "stated_focal_percent",
            "refused %": "refused_percent",
        },
    ),
    Section(
        "offsets",
        "offsets",
        "Mark offsets learned from tracked points",
        "`walk`: simulated walks of 30 s whose marks sit 4.5 mm from where the map says, one and "
        "two cameras, means of three seeds; `walk_at_rest`: in a posture that the prior holds for "
        "unlikely; `labels`: real labels of one camera at a time, from an anatomical guess. Errors "
        "of the decided axes and 3D errors (root-aligned, in frames that were not learned from) "
        "in mm. A home cage recording in which the mouse sits still is refused, as it must be.",
        columns={
            "poses": "poses",
            "axes: guess": "axes_before",
            "learned": "axes_after",
            "3D: guess": "error_guess",
            "learned ": "error_learned",
            "true offsets": "error_true",
        },
    ),
    Section(
        "rig",
        "rig",
        "What to expect of a rig",
        "Simulated walks of four mice in every setting; mm, root-aligned.",
        columns={
            "all": "all",
            "trunk": "trunk",
            "feet seen": "feet_seen",
            "feet hidden": "feet_hidden",
            "in 90 % region": "inside_90",
            "in place": "place",
        },
    ),
)
