"""What people look at and hand on: files for drawing programs and archives.

    python benchmarks/view.py [--frames 100000] [--only viewer glb nwb export long]

    first_picture_seconds, updates_per_second, jump_seconds, memory_mb, chromium.*, two_million.*
                             of the viewer, see benchmarks/viewer.py
    glb.vertex_error_mm      skin of an animated mesh read back, against the body model's own
    glb.mb_a_1000_frames     size of a clip of 1000 frames
    nwb.violations           what nwbinspector finds critical or against best practice
    nwb.suggestions          what it would like besides
    nwb.round_trip_mm        points read back against those written; rad of the rotations too
    export.peak_mb           most memory of `mousepose convert` on so many frames, over all formats
    export.FORMAT.*          peak and frames a second of each
    two_million.export_*     memory and time of a clip at the end of two million frames (GLB), and
                             of all of them (C3D)

The animal walks as simulated, with a shape of its own; two cameras see it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from common import Measured, arguments, run
from view_files import measure_export, measure_glb, measure_long, measure_nwb
from viewer import add_arguments, measure_viewer

#: What is measured, each part on its own: it adds its figures and rows.
PARTS: Mapping[str, Callable[[argparse.Namespace, Measured], None]] = {
    "viewer": measure_viewer,
    "glb": measure_glb,
    "nwb": measure_nwb,
    "export": measure_export,
    "long": measure_long,
}


def measure(options: argparse.Namespace) -> Measured:
    """Measure the parts that are asked for."""
    measured = Measured("Looking at results and handing them on", ("what", "figure", "unit"))
    for name in options.only or PARTS:
        PARTS[name](options, measured)
    return measured


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=100_000, help="length of the long result")
    add_arguments(parser)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="measure only these parts")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
