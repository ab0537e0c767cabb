"""What the page of benchmarks says of gait, groups, results handed on, and exchanged sides."""

from __future__ import annotations

from sections import Section

USE_SECTIONS = (
    Section(
        "exchange",
        "exchange",
        "Left and right exchanged by a tracker",
        "A simulated trot before one camera, a share of the pairs of left and right points "
        "exchanged at random: error of the paws, mm, with none exchanged, with the points as they "
        "came, and with those put back that the body tells.",
        columns={
            "none exchanged": "paws_clean_mm",
            "as they came": "paws_left_mm",
            "put back": "paws_put_back_mm",
            "found %": "found_percent",
            "right ones exchanged, of 1000": "false_per_mille",
        },
    ),
    Section(
        "end_to_end",
        "end_to_end",
        "From the video to the pose",
        "Real videos of a white mouse that hardly moves, found, tracked and reconstructed with "
        "nothing by hand: 2D error in % of the body's length, 3D error in mm, and that of the same "
        "fit fed with the proof-read 2D points.",
        columns={
            "2D median %": "2d.median_percent",
            "within 10 %": "2d.pck10",
            "root": "root.all",
            "rigid": "rigid.all",
        },
    ),
    Section(
        "gait",
        "gait",
        "Gait",
        "Stride length of simulated walkers that walk, trot and gallop (all points with noise of "
        "0.7 mm; no point of the legs; one camera), and of real mice against references of their "
        "own (docs/gait.md).",
        rows={
            "walkers, seen: bias, mm": "walker.seen.stride_bias_mm",
            "walkers, legs hidden: bias, mm": "walker.hidden.stride_bias_mm",
            "walkers, legs hidden: CCC": "walker.hidden.ccc",
            "gallop, legs hidden: CCC": "walker.hidden.gallop.ccc",
            "one camera, paws hidden: CCC": "walker.camera_1_hidden.ccc",
            "interval of 95 % holds, %": "walker.hidden.rhythm_interval_holds_percent",
            "treadmill, limbs, %": "treadmill_mocap.events.stride_error_percent",
            "treadmill, limbs: CCC": "treadmill_mocap.events.ccc",
            "treadmill, rhythm, %": "treadmill_mocap.spectral.stride_error_percent",
            "treadmill, rhythm: CCC": "treadmill_mocap.spectral.ccc",
            "treadmill, its reference again: CCC": "treadmill_mocap.reference_repeated.ccc",
            "by one camera, limbs, %": "treadmill_mocap.camera_events.stride_error_percent",
            "walkway, paws, %": "walkway.events.stride_error_percent",
            "walkway, rhythm, %": "walkway.spectral.stride_error_percent",
            "side view, footfalls found, %": "treadmill_side_view.events.hits_percent",
            "beam, swings found, %": "beam.hits_percent",
            "beam, swing begin, ms": "beam.swing_begin_error_ms",
            "beam, offset taken off, ms": "beam.swing_begin_aligned_error_ms",
            "a day of one cage, s": "day.seconds",
        },
        options=("--walkers", "6"),
    ),
    Section(
        "classify",
        "classify",
        "What motion tells of animals",
        "Area under the curve (0.5 is chance), with intervals of 95 % over animals, no animal in "
        "training and test. `drug`: vehicle or drug from the open field; `dose`: yohimbine; "
        "`cohort`: simulated mice that hold their hind limbs outward, turning before one camera "
        "(`cohort_side`: passing it); `walkway`: which of two mice passes.",
        rows={
            "mice, drug": "drug.mice",
            "drug": "drug.auc",
            "drug, low": "drug.auc_low",
            "drug, high": "drug.auc_high",
            "drug, labels shuffled": "drug.shuffled_auc",
            "drug, from swings alone": "drug.swing_auc",
            "dose": "dose.auc",
            "dose, labels shuffled": "dose.shuffled_auc",
            "cohort, 2D": "cohort.2d_auc",
            "cohort, 3D": "cohort.3d_auc",
            "cohort, 3D less 2D": "cohort.3d_minus_2d",
            "cohort, 3D less 2D, low": "cohort.3d_minus_2d_low",
            "cohort, 3D less 2D, high": "cohort.3d_minus_2d_high",
            "cohort passing, 3D less 2D": "cohort_side.3d_minus_2d",
            "cohort passing, low": "cohort_side.3d_minus_2d_low",
            "cohort passing, high": "cohort_side.3d_minus_2d_high",
            "walkway, 2D": "walkway.2d_auc",
            "walkway, 3D": "walkway.3d_auc",
            "planted leak noticed": "leak.caught",
        },
    ),
    Section(
        "group_statistics",
        "group_statistics",
        "Statistics of groups",
        "False positives at p < 0.05 and coverage of intervals of 95 % on simulated tables of few "
        "animals with many strides; real groups.",
        rows={
            "false positives, mixed model, %": "false_positive.mixed_percent",
            "false positives, Wald's z, %": "false_positive.wald_percent",
            "false positives, t-test over strides, %": "false_positive.naive_percent",
            "interval of the effect holds, %": "coverage.effect_percent",
            "interval of Hedges' g holds, %": "coverage.g_percent",
            "comparisons found, drugs": "drug.measures_found",
            "clusters with a trend in dose (BH)": "dose.trend",
            "steps, automatic against by eye: CCC": "manual.table_ccc",
        },
    ),
    Section(
        "view",
        "view",
        "Results handed on",
        "The viewer's first picture (100,000 frames; from the command to what a browser is sent), "
        "updates, memory; meshes, biomechanics and NWB of poses, read back; two million frames.",
        rows={
            "first picture of 100,000 frames, s": "first_picture_seconds",
            "processor time for it, s": "first_picture_cpu_seconds",
            "updates a second": "updates_per_second",
            "memory, MB": "memory_mb",
            "first picture of 2,000,000 frames, s": "two_million.first_picture_seconds",
            "memory of 2,000,000 frames, MB": "two_million.memory_mb",
            "first picture in Chromium without a GPU, s": "chromium.first_picture_seconds",
            "clip at the end of 2,000,000 frames, s": "two_million.export_clip.seconds",
            "all of them as C3D, most memory, MB": "two_million.export_c3d.peak_mb",
            "skin of a GLB, mm off": "glb.vertex_error_mm",
            "MB of a GLB of 1000 frames": "glb.mb_a_1000_frames",
            "violations that nwbinspector finds": "nwb.violations",
            "NWB, mm off": "nwb.round_trip_mm",
            "most memory of an export, MB": "export.peak_mb",
        },
    ),
    Section(
        "overlay",
        "overlay",
        "Poses drawn on the video",
        "A video of 864 x 648 px at 24 frames/s with the shaded mesh, the skeleton and a turntable "
        "beside it, H.264 in and out.",
        rows={
            "times real time": "overlay.times_real_time",
            "frames a second": "overlay.frames_per_second",
            "the same as AV1": "overlay.av1.frames_per_second",
            "processor time of a frame, ms": "overlay.cpu_ms_a_frame",
            "most memory, MB": "overlay.peak_mb",
        },
    ),
)
