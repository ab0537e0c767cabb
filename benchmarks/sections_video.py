"""What the page of benchmarks says of learning from one's own video, and of behaviour."""

from __future__ import annotations

from sections import Section

VIDEO_SECTIONS = (
    Section(
        "detection",
        "detection",
        "Where the mouse is",
        "Share of mice found, by the keypoint network in single pictures, by it through clips of a "
        "mouse that hardly moves, and by the background where the mouse moves; how far the middle "
        "of the box is off, in % of the body's length. A mouse that never moves is part of the "
        "background: `auto` then turns to the network. The mirror's picture shows two views, which "
        "is one mouse too many.",
        rows={
            "single pictures, open field, found %": "keypoints.openfield_boxes.still.found_percent",
            "pictures of another field, found %": "keypoints.openfield_topview.still.found_percent",
            "single pictures, home cage, found %": "keypoints.homecage_top.still.found_percent",
            "network, clip of the cage, missed %": "keypoints.homecage_top.followed.missed_percent",
            "its middle off, %": "keypoints.homecage_top.followed.centre_error_percent",
            "background, still mouse, missed %": "homecage_top.still.missed_percent",
            "background, moving mouse, missed %": "homecage_top.moved.missed_percent",
            "its middle off, %, background": "homecage_top.moved.centre_error_percent",
            "open field, 2330 frames, missed %": "openfield_topview.missed_percent",
            "open field, too many, %": "openfield_topview.too_many_percent",
            "mirror, missed %": "mirror_treadmill.missed_percent",
        },
    ),
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
