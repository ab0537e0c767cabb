"""What the page of benchmarks says of learning from one's own video, and of behaviour."""

from __future__ import annotations

from sections import Section

VIDEO_SECTIONS = (
    Section(
        "finetune",
        "finetune",
        "50 labelled frames of one's own",
        "`mousepose finetune train` from the network that ships, with the first 50 labelled frames "
        "of a recording: median error in its later frames before and after, in % of the body's "
        "length; the same for another camera of the cage, of which nothing was labelled; and by "
        "how much the worst of all other sets got worse.",
        columns={
            "before %": "before_percent",
            "after %": "median_percent",
            "within 10 %": "pck10",
            "other camera %": "other_camera_percent",
            "worst loss %": "loss_percent",
            "minutes": "minutes",
        },
    ),
    Section(
        "pseudo_labels",
        "pseudo_labels",
        "What a video teaches without a label",
        "A video is labelled by its own 3D fit (`mousepose finetune pseudo`) and the network that "
        "ships learns from that: a simulated film whose truth is known, and two real ones of 120 "
        "frames against proof-read points. Errors in % of the body's length.",
        rows={
            "film, before: median %": "before.median_percent",
            "film, its labels: median %": "labels.median_percent",
            "film, after: median %": "after.median_percent",
            "film, within 10 % before": "before.pck10",
            "film, within 10 % after": "after.pck10",
            "home cage, top, before": "homecage_top.before.median_percent",
            "home cage, top, after": "homecage_top.after.median_percent",
            "home cage, mid, before": "homecage_mid.before.median_percent",
            "home cage, mid, after": "homecage_mid.after.median_percent",
        },
    ),
    Section(
        "behaviour",
        "behaviour",
        "The seven behaviours of the data set, acted",
        "455 clips of 12 frames that the twin of the data set acts, tested on animals left out: "
        "share of clips that are named rightly, its interval of 95 % over animals, and the "
        "calibration error. `noisy`: points 6 mm and 12 px off, half of the 2D points hidden. No "
        "figure here is of a real animal.",
        columns={
            "accuracy": "accuracy",
            "from": "accuracy_low",
            "to": "accuracy_high",
            "calibration error": "calibration_error",
            "CPU s to train": "training_cpu_seconds",
        },
    ),
)
