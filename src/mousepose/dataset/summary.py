"""What a folder of the data set holds, beside what is published of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mousepose.dataset.dataset import PUBLISHED, MousePoseDataset
from mousepose.dataset.features import FeatureFound
from mousepose.dataset.frame_table import NONE, FrameTable
from mousepose.types import Progress

#: Features without a role that are told by name.
_MOST_UNUSED = 20


@dataclass
class Summary:
    """Counts by name, the frames of each behaviour, each keypoint's labelled share, and notes.

    `notes` tell what was guessed and what is missing; `features` are those of the records.
    """

    counts: dict[str, int] = field(default_factory=dict)
    behaviours: dict[str, int] = field(default_factory=dict)
    labelled: dict[str, float] = field(default_factory=dict)
    features: Mapping[str, FeatureFound] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def differences(self) -> dict[str, tuple[int, int]]:
        """Return the counts that are not the published ones: what is here, what is published."""
        return {
            name: (self.counts[name], published)
            for name, published in PUBLISHED.items()
            if name in self.counts and self.counts[name] != published
        }


def summarise(dataset: MousePoseDataset, progress: Progress | None = None) -> Summary:
    """Return what is in a data set; reads every record's labels, no picture."""
    summary = Summary()
    whole = dataset.file is None
    if whole or dataset.scans:
        summary.counts["scans"] = len(dataset.scans)
    if dataset.slices:
        summary.counts["files of CT slices"] = len(dataset.slices)
    if dataset.frames_path is not None:
        _add_frames(dataset, summary, progress)
    elif whole:
        summary.notes.append("no video_frames.tfrecord")
    if dataset.multiview_path is not None:
        _add_multiview(dataset, summary)
    elif whole:
        summary.notes.append("no multiview/keypoints.csv")
    if dataset.intrinsics_path is None and whole:
        summary.notes.append("no intrinsics.txt of the home-cage camera")
    return summary


def _add_multiview(dataset: MousePoseDataset, summary: Summary) -> None:
    views = dataset.multiview
    summary.counts["multi-view pictures"] = views.rows
    summary.counts["views"] = len(views.view_names)
    summary.counts["moments"] = len(views)
    if views.guessed:
        summary.notes.append(f"multi-view: {views.guessed}")
    calibration = views.calibration_path()
    told = f"in {calibration.name}" if calibration else "missing; the views are not calibrated"
    summary.notes.append(f"calibration of the views: {told}")


def _add_frames(dataset: MousePoseDataset, summary: Summary, progress: Progress | None) -> None:
    frames = dataset.frames
    table = frames.read_table(progress)
    summary.counts["frames"] = len(frames)
    if table.clip_names:
        summary.counts["clips"] = len(table.clip_names)
        summary.counts["frames a clip"] = _usual_length(table)
    else:
        summary.notes.append("no feature tells the clips")
    if table.behaviour_names:
        summary.counts["behaviours"] = len(table.behaviour_names)
        counts = np.bincount(table.behaviour[table.behaviour != NONE])
        summary.behaviours = dict(zip(table.behaviour_names, counts.tolist(), strict=True))
    else:
        summary.notes.append("no feature tells the behaviour")
    if len(table):
        share = table.visible.mean(axis=0)
        summary.labelled = dict(zip(table.keypoint_names, share.tolist(), strict=True))
    unused = frames.feature_map.unused
    if unused:
        summary.notes.append(f"features without a role: {', '.join(unused[:_MOST_UNUSED])}")
    summary.features = frames.found
    summary.roles = {frames.feature_map.image: "image"}
    summary.roles |= {name: role for role, name in frames.feature_map.roles.items()}
    for point, pair in frames.feature_map.points.items():
        summary.roles |= dict.fromkeys(pair, f"point {point}")
    summary.notes += [f"guessed: {told}" for told in frames.feature_map.guessed]
    if frames.records.total_faults:
        summary.notes.append(f"{frames.records.total_faults} damaged records were left out")


def _usual_length(table: FrameTable) -> int:
    """Return how many frames most clips have."""
    lengths = np.bincount(table.clip[table.clip != NONE])
    return int(np.bincount(lengths).argmax())
