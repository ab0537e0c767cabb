"""What a reader of a report must know, in plain words, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mousepose.geometry.camera import Camera
from mousepose.run.report_company import Company
from mousepose.run.report_result import Result
from mousepose.run.report_survey import Survey
from mousepose.types import State, Status

#: Shares of frames or keypoints from which on something is worth a warning.
_MANY_LOST, _MANY_POOR, _MANY_INFERRED, _HARDLY_SEEN = 0.02, 0.05, 0.5, 0.1
#: Misfit in SD above which keypoints and poses do not agree in most frames.
_LARGE_MISFIT = 2.5
#: mm; above it paws of one side cannot be told from those of the other by their place.
_UNCERTAIN = 6.0
#: Share of the image's longer side by which its optical axis may be off its middle.
_CENTRE_OFF = 0.3


class Advice(NamedTuple):
    """One thing that is not good: what it is, and what to do."""

    what: str
    what_to_do: str


def warnings_of(result: Result, found: Survey, company: Company) -> list[Advice]:
    """Return all that speaks against a result, the weightiest first."""
    return [*_of_scale(result), *_of_frames(result, found), *_of_keypoints(result, found),
            *_of_files(result, company)]  # fmt: skip


def _of_scale(result: Result) -> Iterator[Advice]:
    if result.about["scale_source"] == "none":
        yield Advice(
            "Nothing gave the scale: all lengths are those of a typical mouse, not of this one.",
            "Reconstruct again with --body-length, --weight, --bone, or a floor in the camera "
            "file (--floor). Angles and shares of time are not touched by it.",
        )


def _of_frames(result: Result, found: Survey) -> Iterator[Advice]:
    share = found.statuses / max(1, len(result))
    lost = float(share[Status.EMPTY] + share[Status.FAILED])
    if lost > _MANY_LOST:
        yield Advice(
            f"{lost:.0%} of the frames have no pose: nothing was tracked in them.",
            "Look at the keypoints there (mousepose video check, mousepose info): was the animal "
            "out of the picture, or did the tracker lose it? --min-confidence may be too high.",
        )
    if share[Status.POOR] > _MANY_POOR:
        yield Advice(
            f"{share[Status.POOR]:.0%} of the frames have keypoints that agree with no mouse pose.",
            "Check that the camera file belongs to this video (size, lens), that left and right "
            "are not exchanged, and that the keypoint map fits the tracker "
            "(mousepose keypoints check).",
        )
    bridged = float(share[Status.BRIDGED])
    if bridged > _MANY_POOR:
        yield Advice(
            f"{bridged:.0%} of the frames had too few keypoints of their own and were carried by "
            "their neighbours in time.",
            "Leave them out of measures of fast motion; they are marked as bridged in the file.",
        )
    misfit = found.misfit[np.isfinite(found.misfit)]
    if len(misfit) and float(np.median(misfit)) > _LARGE_MISFIT:
        yield Advice(
            f"Keypoints lie {np.median(misfit):.1f} standard deviations from the pose in the "
            "median frame.",
            "The tracker is less exact than it was taken for, or the camera is wrong: see "
            "--pixel-sigma, and the overlays below.",
        )
    spread = found.sd_mm[np.isfinite(found.sd_mm)]
    if len(spread) and float(np.median(spread)) > _UNCERTAIN:
        yield Advice(
            f"Places are uncertain by {np.median(spread):.0f} mm (standard deviation along an "
            "axis, median frame).",
            "With one camera most of it is depth: the shape of the body is known better than its "
            "distance. A calibrated camera, a known floor or a second camera help most.",
        )


def _of_keypoints(result: Result, found: Survey) -> Iterator[Advice]:
    counts = found.counts / max(1, len(result))
    hardly = [
        name
        for name, row in zip(result.keypoint_names, counts, strict=True)
        if row[State.SEEN] < _HARDLY_SEEN
    ]
    if hardly and len(hardly) < len(counts):
        yield Advice(
            f"Hardly ever seen: {', '.join(hardly)}.",
            "What is said of them comes from the body and the prior, not from the video. Do not "
            "read their motion or angles; track them, or film from where they are seen.",
        )
    elif found.share(State.INFERRED) > _MANY_INFERRED:
        yield Advice(
            f"{found.share(State.INFERRED):.0%} of all keypoints are inferred rather than seen.",
            "Trust the trunk before the limbs, and use the regions of 90 %: they are wide there.",
        )
    told = str(result.provenance.get("warning") or "")
    if told:
        yield Advice(
            f"The reconstruction said: {told}", "Look at the overlays, and follow what it says."
        )
    left = result.provenance.get("unknown_columns") or ()
    if left:
        yield Advice(
            f"Columns of the tracker that were left out: {', '.join(map(str, left))}.",
            "Say where they ride in a keypoint map of your own (mousepose keypoints new).",
        )


def _of_files(result: Result, company: Company) -> Iterator[Advice]:
    for note in company.notes:
        yield Advice(f"{note[:1].upper()}{note[1:]}", "Mend or remove that file, then run again.")
    if not company.cameras:
        yield Advice(
            "The camera that the result was made with is not known here.",
            "Give its file with --camera; without it there are no overlays and no word on it.",
        )
    for camera in company.cameras:
        verdict, what_to_do = camera_verdict(camera)
        if what_to_do:
            yield Advice(f"Camera {camera.name}: {verdict}.", what_to_do)


def camera_verdict(camera: Camera) -> tuple[str, str]:
    """Return what is to be thought of a camera, and what to do, "" where nothing needs to be."""
    source = camera.source.lower()
    centre = (camera.matrix[:2, 2] - (np.array(camera.size) - 1) / 2) / max(camera.size)
    if "guess" in source:
        return (
            "guessed, not calibrated",
            "Shapes and angles suffer little, distances and lengths more: the file tells by how "
            "much. Calibrate with a printed board (mousepose calibrate board) to be sure of them.",
        )
    if source.startswith("pinhole of"):
        return (
            "a usual lens is assumed, nothing was measured",
            "Lengths and distances may be far off, angles hold better. Calibrate with a printed "
            "board (mousepose calibrate board) or the cage (mousepose calibrate cage).",
        )
    if float(np.abs(centre).max()) > _CENTRE_OFF:
        return (
            "its optical axis is far from the middle of the image",
            "Unless the video is cropped, calibrate again: tilt the board more.",
        )
    if not camera.distortion.any():
        return ("no lens distortion is given", "")
    return ("calibrated, with lens distortion", "")
