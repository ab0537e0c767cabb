"""What the input of a result cannot tell, whatever the fit makes of it: known limits, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mousepose.geometry.camera import Camera
from mousepose.report.page_advice import Advice
from mousepose.report.page_stage import Stage
from mousepose.run.report_company import Company
from mousepose.run.report_result import Result
from mousepose.run.report_tracker import Tracker

#: A camera that looks down (or up) by less than this sees the animal from the side, degrees.
_FROM_THE_SIDE = 25.0
#: What ranges of joint angles are worth that one camera gave (docs/limits.md).
_ONE_CAMERA = (
    "Made with one camera: what it does not show, the prior decides, and it decides for the mean. "
    "Ranges of single joint angles come out too small, those of the knee by about half. Compare "
    "animals that were recorded in the same way, or film with a second camera."
)


def limits_of(company: Company, stage: Stage, trackers: Sequence[Tracker]) -> list[Advice]:
    """Return what a reader must know of keypoints that a network of ours found.

    Figures are those of docs/keypoint-model.md.
    """
    return [*_of_sides(company, stage, trackers), *_of_network(trackers)]


def is_from_the_side(camera: Camera, stage: Stage) -> bool:
    """Tell whether a camera looks at the animal from the side, rather than from above or below."""
    axes, _ = stage.camera_pose(camera)
    down = np.rad2deg(np.arcsin(np.clip(-axes[2, 2], -1.0, 1.0)))
    return bool(abs(down) < _FROM_THE_SIDE)


def _of_sides(company: Company, stage: Stage, trackers: Sequence[Tracker]) -> Iterator[Advice]:
    """Left and right paws in pictures from the side."""
    cameras = company.cameras
    # Which camera took which video is not told: all look from the side, or it was declared.
    all_beside = bool(cameras) and all(is_from_the_side(camera, stage) for camera in cameras)
    chosen = [
        one for one in trackers if one.view == "side" or (one.view == "unknown" and all_beside)
    ]
    videos = ", ".join(one.video for one in chosen)
    if any(one.shipped for one in chosen):
        yield Advice(
            f"Left and right paws are not told apart from the side ({videos}): the network that "
            "ships exchanged them in four of ten frames of a recording that it had not seen.",
            "Do not compare left with right limbs, and take strides of a single paw with care. "
            "Fine-tune on some 50 frames of your own (mousepose finetune), or film from below or "
            "above too.",
        )
    elif chosen:
        yield Advice(
            f"One leg hides the other from the side ({videos}): which of two paws is the left one "
            "is as right as the network was taught.",
            "See in the overlays whether colours of paws change sides before you compare left with "
            "right limbs.",
        )


def _of_network(trackers: Sequence[Tracker]) -> Iterator[Advice]:
    if any(one.shipped for one in trackers):
        yield Advice(
            "The keypoints are from the network that ships, which never saw this camera: on others "
            "its points were off by 2 to 9 % of the body's length, many in every frame alike.",
            "Look at the overlays. Fine-tune on some 50 frames of your own where limbs matter "
            "(mousepose finetune).",
        )


def note_on_angles(result: Result) -> str:
    """Return what to know of the joint angles of a result, "" where nothing is."""
    return _ONE_CAMERA if len(result.provenance.get("cameras") or ()) == 1 else ""
