"""Writes docs/benchmarks.md from the figures in docs/benchmarks/*.json.

python benchmarks/write_docs.py                       write the page
python benchmarks/write_docs.py --check               only tell whether the page is up to date
python benchmarks/write_docs.py --measure DIR [NAME]  first measure again, problem files in DIR
"""

from __future__ import annotations

import argparse
import json
import operator
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import REPOSITORY, CannotMeasure, run_or_tell

from mousepose.atomic import atomic_path

PAGE = REPOSITORY / "docs" / "benchmarks.md"
FIGURES = REPOSITORY / "docs" / "benchmarks"

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


SECTIONS = (
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
        "ct",
        "ct",
        "CT scans to bodies",
        "Simulated scans of mice of known bones (another size, build, limb lengths and posture "
        "each; bed, nose cone, noise; ear tags, cut tails, supine animals among them), written as "
        "DICOM and handled as a user's; medians over scans of medians over an animal. Then the "
        "slices of a real mouse, 0.73 mm apart: published lengths are femur 15 to 16.5, tibia 17 "
        "to 18.5, humerus 11.5 to 12.8, skull 21.5 to 23.5 mm.",
        rows={
            "bone lengths, error, mm": "phantom.bone_length_mm",
            "joints, error, mm": "phantom.joint_mm",
            "joints, nine of ten within, mm": "phantom.joint_p90_mm",
            "skin, error, mm": "phantom.skin_mm",
            "scans with left and right exchanged": "phantom.swapped",
            "scans that failed": "phantom.failed",
            "size found and true, correlation": "phantom.size_r",
            "hind limb length, correlation": "phantom.hind_limb_r",
            "fore limb length, correlation": "phantom.fore_limb_r",
            "seconds a scan": "phantom.seconds",
            "one scan of 1008 x 640 x 640, s": "scan.seconds",
            "its memory at most, MB": "scan.peak_mb",
            "real mouse: body, ml": "real.body_ml",
            "real mouse: bone, ml": "real.bone_ml",
            "real mouse: femur, mm": "real.femur_mm",
            "real mouse: tibia, mm": "real.tibia_mm",
            "real mouse: humerus, mm": "real.humerus_mm",
            "real mouse: skull and soft nose, mm": "real.skull_mm",
            "real mouse: our skin from the scan's, mm": "real.skin_mm",
        },
        options=("--full-size",),
    ),
    Section(
        "ct_skull",
        "ct_skull",
        "Skulls of inbred strains",
        "One skull laid on those of 25 other strains by the code that lays bodies on scans; 45 "
        "landmarks that people placed are carried along and compared. None of the scored strain's "
        "landmarks is used.",
        rows={
            "landmarks, median error, mm": "skull.landmark_mm",
            "nine of ten within, mm": "skull.landmark_p90",
            "centroid size, correlation": "skull.size_r",
            "the same with one strain's landmarks alone, mm": "skull.single_mm",
            "seconds a skull": "skull.seconds",
        },
    ),
    Section(
        "body_models",
        "body_models",
        "The default body beside the published one",
        "Bone lengths at rest (right: joints found in one real mouse of about 21 g, means of left "
        "and right), the mesh, pairs of triangles that cross in typical postures (limbs on the "
        "belly among them), and the distance of the laid skin from that of the real scan, mm.",
        columns={
            "spine, T1 to T13": "SPINE_MID_mm",
            "to the sacrum": "SPINE_HIP_mm",
            "femur": "LEFT_KNEE_mm",
            "humerus": "LEFT_ELBOW_mm",
            "forearm and paw": "LEFT_FORE_PAW_mm",
            "head": "NOSE_mm",
            "closed": "watertight",
            "smallest corner": "minimum_angle",
            "crossings: walking": "crossings_walking",
            "rearing": "crossings_rearing",
            "curled": "crossings_curled",
            "skin from scan": "scan_mm",
        },
    ),
    Section(
        "silhouettes",
        "silhouettes",
        "The skin against the outline of real mice",
        "Poses fitted to 2D points alone, then the skin laid over the mouse that brightness tells "
        "from its surroundings, both without tail, ears and feet: overlap over union, and area of "
        "the skin over that of the mouse (medians). The coat of the default body is that of all "
        "mice; its girth was chosen with these two recordings in view.",
        columns={"IoU": "iou", "area": "share"},
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

#: The published code (Hu et al. 2023), run unchanged on the same views with its own skeleton.
PUBLISHED = """\
| problems | method | root-aligned | rigid: all | trunk | limbs | mirrored % |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| real_mouse1_noise2 | shipped | 22.0 | 10.4 | 12.4 | 9.6 | 14 |
| real_mouse1_noise2 | its prior at its best weight | 17.3 | 9.4 | 11.3 | 8.7 | 6 |
| synthetic_angles_n0 | shipped | 11.8 | 8.5 | | | 10 |
| synthetic_angles_n2 | shipped | 12.3 | 8.5 | | | 12 |
| synthetic_angles_n2 | pose PCA | 7.1 | 4.4 | | | 4 |
| synthetic_angles_n4 | shipped | 14.5 | 8.4 | | | 16 |
| synthetic_angles_n2drop4 | shipped | 13.1 | 8.1 | | | 12 |
"""

#: What was aimed at: file, figure, comparison, bound.
GOALS: tuple[tuple[str, str, str, float], ...] = (
    ("accuracy", "real_mouse1_noise2.root.all", "<=", 4.5),
    ("accuracy", "real_mouse1_noise2.rigid.all", "<=", 3.2),
    ("accuracy", "real_mouse1_noise2.rigid.trunk", "<=", 3.0),
    ("accuracy", "real_mouse1_noise2.rigid.limbs", "<=", 3.5),
    ("accuracy", "real_mouse1_noise2.mirrored_percent", "<=", 0.0),
    ("accuracy", "synthetic_angles_n2.root.all", "<=", 6.0),
    ("accuracy_sequence", "synthetic_angles_n2.root.all", "<=", 3.5),
    ("accuracy_sequence", "synthetic_angles_n2drop4.root.all", "<=", 4.5),
    ("calibration", "seen.inside_90", ">=", 85.0),
    ("calibration", "seen.inside_90", "<=", 95.0),
    ("calibration", "inferred.inside_90", ">=", 85.0),
    ("calibration", "inferred.inside_90", "<=", 95.0),
    ("speed", "fit.per_second", ">=", 6000.0),
    ("speed", "sequence.per_second", ">=", 1000.0),
    ("speed", "start_seconds", "<=", 1.5),
    ("speed", "mesh.ms", "<=", 0.2),
    ("speed", "stream.peak_mb", "<=", 1000.0),
    ("doors", "csv.million_cells_per_second", ">=", 1.0),
    ("doors", "calibrate.cage_scale_percent", "<=", 2.0),
    ("ct", "phantom.bone_length_mm", "<=", 0.25),
    ("ct", "phantom.joint_mm", "<=", 0.5),
    ("ct", "phantom.skin_mm", "<=", 0.3),
    ("ct", "phantom.swapped", "<=", 0.0),
    ("ct", "phantom.size_r", ">=", 0.95),
    ("ct_skull", "skull.landmark_mm", "<=", 0.5),
    ("ct_skull", "skull.size_r", ">=", 0.95),
)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


def page(documents: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page for the documents that the benchmarks wrote, by their names."""
    parts = [
        "# Benchmarks\n",
        "Generated by `python benchmarks/write_docs.py` from `docs/benchmarks/*.json`; do not "
        "edit. Every figure can be measured again with the command under its heading, and with "
        "other files of the same layout. `root-aligned` lays the first joints upon each other, "
        "`rigid` also turns, `similarity` also scales, `camera` does nothing.\n",
        "## Goals\n",
        _goals(documents),
    ]
    for section in SECTIONS:
        document = documents[section.name]
        parts += [
            f"## {section.title}\n",
            section.text + "\n",
            _table(section, document["figures"]),
            f"`python {' '.join(section.command('PROBLEMS'))}` on "
            f"{', '.join(document['ran_on'])}; {document['machine']}; "
            f"mousepose {document['version']}.\n",
        ]
        if section.name == "accuracy":
            parts += ["The published code, run unchanged on the same views:\n", PUBLISHED]
    return "\n".join(parts)


def _goals(documents: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, figure, sign, bound in GOALS:
        value = documents[name]["figures"].get(figure)
        met = value is not None and _COMPARE[sign](value, bound)
        word = "yes" if met else "**no**" if value is not None else "not measured"
        rows.append((f"{name}: `{figure}`", f"{sign} {_shown(bound)}", _shown(value), word))
    return _markdown(("figure", "goal", "measured", "met"), rows)


def _table(section: Section, figures: Mapping[str, float]) -> str:
    if section.rows:
        listed = [(label, _shown(figures.get(key))) for label, key in section.rows.items()]
        return _markdown(("what", "measured"), listed)
    first = "." + next(iter(section.columns.values()))
    prefixes = [key.removesuffix(first) for key in figures if key.endswith(first)]
    rows = [
        (_row_name(p), *(_shown(figures.get(f"{p}.{key}")) for key in section.columns.values()))
        for p in prefixes
    ]
    return _markdown(("", *section.columns), rows)


def _row_name(prefix: str) -> str:
    name = prefix.replace(".linear_baseline", ": plain linear model")
    return name.replace(".", ": ") if name == prefix else name


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def load_documents() -> dict[str, dict[str, Any]]:
    """Return what the benchmarks wrote. Raises `CannotMeasure` with all that is missing."""
    paths = {section.name: FIGURES / f"{section.name}.json" for section in SECTIONS}
    missing = [name for name, path in paths.items() if not path.is_file()]
    if missing:
        raise CannotMeasure(f"{FIGURES} lacks {', '.join(missing)}: run with --measure DIR")
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items()}


def measure(folder: Path, names: Sequence[str]) -> None:
    """Run the benchmarks `names` (all where empty). Raises `CannotMeasure` where one fails."""
    FIGURES.mkdir(exist_ok=True)
    unknown = set(names) - {section.name for section in SECTIONS}
    if unknown:
        raise CannotMeasure(f"no benchmark is named {', '.join(sorted(unknown))}")
    for section in SECTIONS:
        if names and section.name not in names:
            continue
        target = FIGURES / f"{section.name}.json"
        command = [sys.executable, *section.command(str(folder)), "--json", str(target)]
        if subprocess.run(command, cwd=REPOSITORY, check=False).returncode:
            raise CannotMeasure(f"{section.name} could not be measured")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="only tell whether it is up to date")
    parser.add_argument("--measure", type=Path, metavar="DIR", help="measure, problem files in DIR")
    parser.add_argument("names", nargs="*", help="benchmarks to measure (default: all)")
    options = parser.parse_args()

    def work() -> int:
        if options.measure is not None:
            measure(options.measure.resolve(), options.names)
        text = page(load_documents())
        if options.check:
            current = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
            print("up to date" if current == text else f"{PAGE.name} is not up to date")
            return int(current != text)
        with atomic_path(PAGE) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return 0

    return run_or_tell(work)


if __name__ == "__main__":
    sys.exit(main())
