"""The columns of a `PoseSequence` file: which array of the sequence goes where, in what type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mousepose.errors import FileError, InputError
from mousepose.types import FitReport, Pose, PoseSequence

AXES = ("x", "y", "z")
#: The six different entries of a symmetric 3x3 matrix, and where each entry finds its value.
PAIRS = ("xx", "xy", "xz", "yy", "yz", "zz")
PAIR_ROWS, PAIR_COLUMNS = np.array([[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]])
SYMMETRIC = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])


@dataclass(frozen=True)
class Layout:
    """The columns that follow from a sequence's keypoints, joints and cost terms."""

    keypoint_names: tuple[str, ...]
    joint_names: tuple[str, ...]
    cost_terms: tuple[str, ...]

    @classmethod
    def of(cls, sequence: PoseSequence) -> Layout:
        """Return the layout of `sequence`. Raises `InputError` where two columns share a name."""
        layout = cls(sequence.keypoint_names, sequence.joint_names, tuple(sequence.report.cost))
        names = layout.schema.names
        if len(set(names)) != len(names):
            repeated = sorted({name for name in names if names.count(name) > 1})
            raise InputError(f"names collide in the columns {', '.join(repeated)}; rename them")
        return layout

    @cached_property
    def fields(self) -> dict[str, tuple[list[str], pa.DataType]]:
        """The columns of each array of a sequence, and their type: spreads need only 7 digits."""

        def axes(names: tuple[str, ...], kind: str = "") -> list[str]:
            return [f"{name}{kind}_{axis}" for name in names for axis in AXES]

        pairs = [f"{name}_cov_{pair}" for name in self.keypoint_names for pair in PAIRS]
        return {
            "frame_numbers": (["frame"], pa.int64()),
            "times": (["time_s"], pa.float64()),
            "status": (["status"], pa.uint8()),
            "iterations": (["iterations"], pa.int32()),
            "keypoints": (axes(self.keypoint_names), pa.float64()),
            "covariance": (pairs, pa.float32()),
            "state": ([f"{name}_state" for name in self.keypoint_names], pa.uint8()),
            "root_rotation": (axes(("root",), "_rotation"), pa.float64()),
            "root_translation": (axes(("root",), "_translation"), pa.float64()),
            "joint_rotation": (axes(self.joint_names, "_rotation"), pa.float64()),
            "rotation_sd": (axes(self.joint_names, "_rotation_sd"), pa.float32()),
            "cost": ([f"cost_{term}" for term in self.cost_terms], pa.float64()),
        }

    @cached_property
    def schema(self) -> pa.Schema:
        """All columns in their order: the animal's name after the time."""
        columns = [(name, kind) for names, kind in self.fields.values() for name in names]
        return pa.schema([*columns[:2], ("animal", pa.string()), *columns[2:]])

    @cached_property
    def float_columns(self) -> list[str]:
        """The columns of real numbers."""
        return [column.name for column in self.schema if pa.types.is_floating(column.type)]

    def table(self, sequence: PoseSequence) -> pa.Table:
        """Return the frames of `sequence` as rows."""
        frames, report, pose = len(sequence), sequence.report, sequence.pose
        costs = [report.cost[term] for term in self.cost_terms]
        arrays: dict[str, NDArray[Any]] = {
            "frame_numbers": sequence.frame_numbers,
            "times": sequence.times,
            "status": report.status,
            "iterations": report.iterations,
            "keypoints": sequence.keypoints,
            "covariance": sequence.covariance[..., PAIR_ROWS, PAIR_COLUMNS],
            "state": sequence.state,
            "root_rotation": pose.root_rotation,
            "root_translation": pose.root_translation,
            "joint_rotation": pose.joint_rotation,
            "rotation_sd": sequence.rotation_sd,
            "cost": np.stack(costs, axis=-1) if costs else np.empty((frames, 0)),
        }
        columns: dict[str, pa.Array] = {"animal": pa.repeat(sequence.animal, frames)}
        for field, (names, kind) in self.fields.items():
            values = arrays[field].reshape(frames, len(names)).T
            values = np.ascontiguousarray(values, dtype=kind.to_pandas_dtype())
            columns |= {name: pa.array(row) for name, row in zip(names, values, strict=True)}
        return pa.table([columns[name] for name in self.schema.names], schema=self.schema)

    def conform(self, path: Path, table: pa.Table) -> pa.Table:
        """Return the table of a file with exactly this layout's columns, in their types.

        Raises `FileError` where a column is missing or of another kind.
        """
        present = set(table.column_names)
        missing = [name for name in self.schema.names if name not in present]
        if missing:
            raise FileError(f"{path}: columns are missing: {', '.join(missing[:12])}")
        try:
            table = table.select(self.schema.names).cast(self.schema)
        except pa.ArrowException as error:
            raise FileError(f"{path}: a column is not of its type: {error}") from error
        for column in self.schema:
            if not pa.types.is_floating(column.type) and table.column(column.name).null_count:
                raise FileError(f"{path}: column {column.name!r} has empty cells")
        return table

    def sequence(self, table: pa.Table, animal: str, about: Mapping[str, Any]) -> PoseSequence:
        """Return the rows of one animal as a sequence; `about` is its part of the header."""
        frames = len(table)
        arrays = {
            field: np.stack([table.column(name).to_numpy() for name in names], axis=-1)
            for field, (names, _) in self.fields.items()
            if names
        }
        for field, of_what in (
            ("keypoints", len(self.keypoint_names)),
            ("joint_rotation", len(self.joint_names)),
            ("rotation_sd", len(self.joint_names)),
        ):
            arrays[field] = arrays[field].reshape(frames, of_what, len(AXES))
        pairs = arrays["covariance"].reshape(frames, len(self.keypoint_names), len(PAIRS))
        costs = {term: arrays["cost"][:, i] for i, term in enumerate(self.cost_terms)}
        return PoseSequence(
            pose=Pose(
                root_rotation=arrays["root_rotation"],
                root_translation=arrays["root_translation"],
                joint_rotation=arrays["joint_rotation"],
                shape=np.asarray(about["shape"], dtype=np.float64),
            ),
            keypoints=arrays["keypoints"],
            covariance=pairs.astype(np.float64)[..., SYMMETRIC],
            state=arrays["state"],
            rotation_sd=arrays["rotation_sd"].astype(np.float64),
            times=arrays["times"][:, 0],
            frame_numbers=arrays["frame_numbers"][:, 0],
            report=FitReport(
                arrays["status"][:, 0], arrays["iterations"][:, 0].astype(np.int64), costs
            ),
            keypoint_names=self.keypoint_names,
            joint_names=self.joint_names,
            animal=animal,
            frame=about["frame"],
            scale_source=about["scale_source"],
            provenance=about["provenance"],
        )
