"""Pictures of what was reconstructed. Importing it is light: matplotlib is loaded when it draws."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mousepose.report.accuracy import Accuracy, compare_with_truth
    from mousepose.report.angles import JointAngles, joint_angles
    from mousepose.report.overview import plot_overview
    from mousepose.report.plots import plot_joint_angles, plot_residuals, plot_trajectory
    from mousepose.report.sides import plot_pose_sides
    from mousepose.run.residuals import reprojection_residuals

__all__ = [
    "Accuracy",
    "JointAngles",
    "compare_with_truth",
    "joint_angles",
    "plot_joint_angles",
    "plot_overview",
    "plot_pose_sides",
    "plot_residuals",
    "plot_trajectory",
    "reprojection_residuals",
]

_MODULE_OF = {
    "Accuracy": "report.accuracy",
    "compare_with_truth": "report.accuracy",
    "JointAngles": "report.angles",
    "joint_angles": "report.angles",
    "plot_joint_angles": "report.plots",
    "plot_overview": "report.overview",
    "plot_pose_sides": "report.sides",
    "plot_residuals": "report.plots",
    "plot_trajectory": "report.plots",
    "reprojection_residuals": "run.residuals",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"mousepose.{_MODULE_OF[name]}"), name)
