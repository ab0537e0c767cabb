"""The three stages of a segment: 2D keypoints, poses, measures; each a pure function of a task."""

from __future__ import annotations

from mousepose.monitor.records import Outcome, Stage, Task
from mousepose.monitor.stages.measures import run_measures
from mousepose.monitor.stages.points import run_points
from mousepose.monitor.stages.poses import run_poses
from mousepose.monitor.stages.work import CageWork, Store

__all__ = ["CageWork", "Store", "run_measures", "run_points", "run_poses", "run_stage"]

_RUNS = {Stage.POINTS: run_points, Stage.POSES: run_poses, Stage.MEASURES: run_measures}


def run_stage(task: Task, cage: CageWork, store: Store) -> Outcome:
    """Do the stage that a task asks for; raises as that stage does."""
    return _RUNS[task.stage](task, cage, store)
