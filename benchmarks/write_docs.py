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
from pathlib import Path
from typing import Any

from common import REPOSITORY, CannotMeasure, run_or_tell
from sections import FIT_SECTIONS, Section
from sections_monitor import MONITOR_SECTIONS
from sections_more import MORE_SECTIONS
from sections_use import USE_SECTIONS
from sections_video import VIDEO_SECTIONS

from mousepose.atomic import atomic_path

PAGE = REPOSITORY / "docs" / "benchmarks.md"
FIGURES = REPOSITORY / "docs" / "benchmarks"

#: The order of the page.
SECTIONS = (*FIT_SECTIONS, *MORE_SECTIONS, *VIDEO_SECTIONS, *USE_SECTIONS, *MONITOR_SECTIONS)


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
    ("keypoints", "openfield_boxes.zero_shot.median_percent", "<=", 3.0),
    ("keypoints", "openfield_boxes.zero_shot.pck10", ">=", 97.0),
    ("keypoints", "openfield_topview.zero_shot.median_percent", "<=", 4.0),
    ("keypoints", "homecage_top.zero_shot.median_percent", "<=", 6.0),
    ("keypoints", "homecage_top.zero_shot.pck20", ">=", 90.0),
    ("keypoints", "homecage_top.zero_shot.swaps_percent", "<=", 3.0),
    ("keypoints", "homecage_mid.zero_shot.median_percent", "<=", 6.0),
    ("keypoints", "homecage_mid.zero_shot.pck20", ">=", 90.0),
    ("keypoints", "homecage_mid.zero_shot.swaps_percent", "<=", 3.0),
    ("keypoints", "mirror_bottom.zero_shot.median_percent", "<=", 8.0),
    ("keypoints", "mirror_side.zero_shot.median_percent", "<=", 8.0),
    ("keypoints", "openfield_topview.zero_shot.auroc", ">=", 0.9),
    ("keypoints", "homecage_mid.zero_shot.auroc", ">=", 0.9),
    ("finetune", "openfield_topview.finetuned_50.median_percent", "<=", 2.5),
    ("finetune", "homecage_top.finetuned_50.median_percent", "<=", 2.5),
    ("finetune", "homecage_top.finetuned_50.other_camera_percent", "<=", 5.0),
    ("finetune", "homecage_mid.finetuned_50.median_percent", "<=", 2.5),
    ("finetune", "homecage_mid.finetuned_50.other_camera_percent", "<=", 5.0),
    ("finetune", "openfield_topview.finetuned_50.loss_percent", "<=", 1.0),
    ("finetune", "homecage_top.finetuned_50.loss_percent", "<=", 1.0),
    ("finetune", "homecage_mid.finetuned_50.loss_percent", "<=", 1.0),
    ("throughput", "chain.per_second", ">=", 150.0),
    ("throughput", "chain.peak_mb", "<=", 1500.0),
    ("throughput", "memory.peak_mb", "<=", 1500.0),
    ("gait", "walker.seen.stride_bias_mm", "<=", 1.0),
    ("gait", "walker.seen.stride_bias_mm", ">=", -1.0),
    ("gait", "walker.hidden.stride_bias_mm", "<=", 2.0),
    ("gait", "walker.hidden.stride_bias_mm", ">=", -2.0),
    ("gait", "walker.hidden.ccc", ">=", 0.9),
    ("gait", "treadmill_mocap.events.stride_error_percent", "<=", 5.0),
    ("gait", "treadmill_mocap.spectral.stride_error_percent", "<=", 5.0),
    ("gait", "treadmill_mocap.events.ccc", ">=", 0.8),
    ("gait", "treadmill_mocap.spectral.ccc", ">=", 0.8),
    ("gait", "beam.hits_percent", ">=", 95.0),
    ("gait", "beam.swing_begin_error_ms", "<=", 10.0),
    ("gait", "day.seconds", "<=", 300.0),
    ("view", "first_picture_seconds", "<=", 3.0),
    ("view", "updates_per_second", ">=", 20.0),
    ("overlay", "overlay.times_real_time", ">=", 3.0),
    ("view", "glb.vertex_error_mm", "<=", 0.1),
    ("view", "nwb.violations", "<=", 0.0),
    ("soak", "soak.frames", ">=", 2_000_000.0),
    ("soak", "soak.unaccounted", "<=", 0.0),
    ("soak", "soak.memory_growth_percent", "<=", 5.0),
    ("faults", "faults.injected", ">=", 100.0),
    ("faults", "faults.lost", "<=", 0.0),
    ("faults", "faults.duplicated", "<=", 0.0),
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
