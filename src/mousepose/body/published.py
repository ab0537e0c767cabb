"""The files of the published mouse model (Hu et al. 2023, Sci Rep 13:13554) as our own types.

Nothing of them ships with this package; they are read from a folder of google/mouse-pose-analysis
(Apache-2.0). Their lengths are decimetres and become mm here. Their rest axes are kept: the animal
looks along -y, its left is +x, up is +z. Rotations of the published chain,
T_j = T_parent [Rz Ry Rx about rest(parent)], are those of `BodyModel` written as Euler angles.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.mesh import Mesh
from mousepose.body.mixture import PositionMixture
from mousepose.body.model import BodyModel, Marks
from mousepose.body.shape import ShapeSpace
from mousepose.errors import FileError, UnknownNameError
from mousepose.geometry import rotation
from mousepose.skeleton import PUBLISHED_JOINT_NAMES, PUBLISHED_SKELETON, canonical_name
from mousepose.types import Floats

MM_PER_DECIMETRE = 100.0
SOURCE = "Hu et al. 2023, Sci Rep 13:13554; google/mouse-pose-analysis, Apache-2.0"

#: The same skeleton under either of the names that the published code gives its joints.
SKELETON_FILES = ("bone_config_world_standardized.csv", "bone_config_world.csv")
SHAPE_FILE = "pca_bone_shape_config.csv"
SKIN_FILE = "simplified_skin_yf_zu.obj"
WEIGHTS_FILE = "vertex_weights_simplified_skin.csv"

#: No published file is larger than half a megabyte.
_MAX_BYTES = 50_000_000
#: Rows: forward, left and up of the animal in the published rest axes.
_AXES = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
#: The published chain has no joint limits; a quarter turn about every axis stands in for them.
_WIDE = np.pi / 2
#: Log SD of overall size: length goes with the cube root of weight, which has an SD of about 20 %
#: among adult mice.
_SIZE_SD = 0.06

_JOINTS = len(PUBLISHED_JOINT_NAMES)
_COLUMNS = 3 * _JOINTS


@dataclass(frozen=True, eq=False)
class PublishedShape:
    """The published shape PCA: `mean` (18, 3) mm and `components` (N, 18, 3) mm of rest joints.

    Components are scaled by their standard deviation, so coefficients are drawn from N(0, 1).
    """

    mean: Floats
    components: Floats

    def rest(self, coefficients: Floats) -> Floats:
        """Return rest joints (*B, 18, 3) mm for coefficients (*B, N)."""
        return np.asarray(self.mean + np.tensordot(coefficients, self.components, 1))

    def shape_space(self) -> ShapeSpace:
        """Return the change of bone lengths by each component; changes of direction are left out.

        Half the difference of the log lengths at +1 and -1 SD.
        """
        parents = np.maximum(PUBLISHED_SKELETON.parents, 0)

        def log_lengths(joints: Floats) -> Floats:
            lengths = np.linalg.norm(joints - joints[:, parents], axis=-1)
            lengths[:, 0] = 1  # the root is no bone
            return np.asarray(np.log(lengths))

        longer = log_lengths(self.mean + self.components)
        basis = (longer - log_lengths(self.mean - self.components)) / 2
        count = len(basis)
        names = tuple(f"published {i + 1}" for i in range(count))
        return ShapeSpace(names, basis, np.ones(count), source=SOURCE)


@dataclass(frozen=True, eq=False)
class PublishedPoses:
    """The published pose PCA: `mean` (18, 3) and `components` (N, 18, 3), Euler angles in rad."""

    mean: Floats
    components: Floats

    def joint_rotation(self, coefficients: Floats) -> Floats:
        """Return rotation vectors (*B, 18, 3) rad, as `Pose` has them, of coefficients (*B, N)."""
        angles = self.mean + np.tensordot(coefficients, self.components, 1)
        x, y, z = (rotation.exp(angles[..., [axis]] * np.eye(3)[axis]) for axis in range(3))
        return rotation.log(z @ y @ x)


def load_published(folder: str | Path) -> BodyModel:
    """Return the published body: its 18 joints, shapes and skin, with the ears of our own map.

    The skeleton file must be there; without the shape file its size is the one shape coefficient,
    and without the skin and its weights no mesh. Raises `FileError` naming file and line.
    """
    folder = Path(folder)
    found = next((folder / name for name in SKELETON_FILES if (folder / name).is_file()), None)
    if found is None:
        raise FileError(f"{folder}: expected {' or '.join(SKELETON_FILES)}, found neither")
    order, rest = _load_skeleton(found)
    limits = np.zeros((_JOINTS, 3, 2))
    limits[1:] = -_WIDE, _WIDE
    free = np.ones((_JOINTS, 3), bool)
    free[0] = False
    body = BodyModel(
        name="published",
        skeleton=PUBLISHED_SKELETON,
        rest=rest,
        free=free,
        limits=limits,
        keypoints=Marks.of_joints(PUBLISHED_SKELETON),
        shape_space=_shape_space(folder / SHAPE_FILE),
        mesh=_mesh(folder / SKIN_FILE, folder / WEIGHTS_FILE, order),
        source=SOURCE,
        axes=_AXES,
    )
    return body.with_keypoints(load_keypoint_map("dataset22").restricted_to(body).marks(body))


def load_skeleton(path: str | Path) -> Floats:
    """Return the rest joints (18, 3) mm of a published skeleton csv, in either naming.

    Raises `FileError` naming file and line.
    """
    return _load_skeleton(Path(path))[1]


def load_shape(path: str | Path) -> PublishedShape:
    """Return the published shape PCA (`pca_bone_shape_config.csv`). Raises `FileError`."""
    table = _load_pca(Path(path)) * MM_PER_DECIMETRE
    return PublishedShape(table[0], table[1:])


def load_pose_pca(path: str | Path) -> PublishedPoses:
    """Return the published pose PCA (`pca_bone_config_world.csv`). Raises `FileError`.

    Its column names are those of positions, but the numbers are angles: three for each bone from
    joint 1 on, and the last three columns are unused.
    """
    angles = np.roll(_load_pca(Path(path)), 1, axis=1)
    angles[:, 0] = 0
    return PublishedPoses(angles[0], angles[1:])


def load_gmm(path: str | Path) -> PositionMixture:
    """Return the published mixture of joint positions (`*gmm_mixture_*.pbtxt`).

    Reads the flat text form `name: value`, one a line. Raises `FileError` naming file and line.
    """
    path = Path(path)
    fields: dict[str, list[str]] = {}
    for number, line in _lines(path):
        name, colon, value = line.partition(":")
        if not colon:
            raise FileError(f"{path}:{number}: expected 'name: value', got {line[:60]!r}")
        fields.setdefault(name.strip(), []).append(value.strip())

    def numbers(name: str, *shape: int) -> Floats:
        values = fields.get(name, [])
        if len(values) != np.prod(shape, dtype=int):
            raise FileError(f"{path}: expected {np.prod(shape)} x {name}, got {len(values)}")
        return np.array([_number(v, f"{path}: {name}") for v in values]).reshape(shape)

    count = int(numbers("number_of_components", 1)[0])
    weights = numbers("mixing_proportions", count)
    precisions = numbers("precisions", count, _COLUMNS, _COLUMNS)
    _check_columns([name.strip('"') for name in fields.get("column_names", [])], str(path))
    if count < 1 or (weights <= 0).any():
        raise FileError(f"{path}: expected components with mixing_proportions above 0")
    try:
        factors = np.asarray(np.linalg.cholesky(precisions), np.float64)
    except np.linalg.LinAlgError as error:
        raise FileError(f"{path}: a precision matrix is not positive definite") from error
    return PositionMixture(np.log(weights), numbers("means", count, _COLUMNS), factors)


def _load_skeleton(path: Path) -> tuple[list[int], Floats]:
    """Return which row of the file each joint stands in, and the rest joints (18, 3) mm."""
    names: list[str] = []
    parents: list[int] = []
    rest: list[list[float]] = []
    for number, line in _lines(path):
        where = f"{path}:{number}"
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 6 or cells[1] != str(len(names)):
            raise FileError(f"{where}: expected name, {len(names)}, parent, x, y, z; got {line!r}")
        names.append(_joint_name(cells[0], where))
        parents.append(int(_number(cells[2], where)))
        rest.append([_number(cell, where) for cell in cells[3:]])
    if sorted(names) != sorted(PUBLISHED_JOINT_NAMES):
        raise FileError(f"{path}: expected the {_JOINTS} joints once each, got {', '.join(names)}")
    order = [names.index(name) for name in PUBLISHED_JOINT_NAMES]
    for joint, parent in enumerate(PUBLISHED_SKELETON.parents[1:], start=1):
        if parents[order[joint]] != order[parent]:
            raise FileError(f"{path}: {names[order[joint]]} hangs on the wrong parent")
    return order, np.array(rest)[order] * MM_PER_DECIMETRE


def _shape_space(path: Path) -> ShapeSpace:
    """Return one coefficient for size, since the published components hardly hold it, and those."""
    size = ShapeSpace(("size",), np.ones((1, _JOINTS)), np.array([_SIZE_SD]), source="assumed")
    if not path.is_file():
        return size
    found = load_shape(path).shape_space()
    return ShapeSpace(
        size.names + found.names,
        np.concatenate([size.basis, found.basis]),
        np.concatenate([size.sd, found.sd]),
        source=found.source,
    )


def _mesh(skin: Path, weights: Path, order: list[int]) -> Mesh | None:
    if not (skin.is_file() and weights.is_file()):
        return None
    vertices, faces = load_obj(skin)
    table = _table(weights, _JOINTS + 1)
    if not np.array_equal(table[:, 0], np.arange(len(vertices))):
        raise FileError(f"{weights}: expected one row for each vertex 0..{len(vertices) - 1}")
    return Mesh(vertices * MM_PER_DECIMETRE, faces, table[:, 1:][:, order])


def load_obj(path: str | Path) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """Return vertices (V, 3), in the file's unit, and triangles (F, 3) from 0 of a Wavefront OBJ.

    Raises `FileError` naming file and line.
    """
    path = Path(path)
    vertices: list[list[float]] = []
    faces: list[list[float]] = []
    for number, line in _lines(path):
        kind, *cells = line.split()
        if kind not in ("v", "f"):
            continue
        if len(cells) != 3:
            raise FileError(f"{path}:{number}: expected three numbers, got {line!r}")
        where = f"{path}:{number}"
        if kind == "v":
            vertices.append([_number(cell, where) for cell in cells])
        else:
            faces.append([_number(cell.split("/")[0], where) - 1 for cell in cells])
    if not vertices or not faces:
        raise FileError(f"{path}: expected vertices and triangles, found {len(vertices)} vertices")
    triangles = np.array(faces, np.int64)
    if triangles.min() < 0 or triangles.max() >= len(vertices):
        raise FileError(f"{path}: a triangle names a vertex outside 1..{len(vertices)}")
    return np.array(vertices), triangles


def _load_pca(path: Path) -> Floats:
    """Return the rows of a PCA table (1 + N, 18, 3): the mean, then the components."""
    _, header = next(iter(_lines(path)), (0, ""))
    _check_columns(header.split(","), str(path))
    table = _table(path, _COLUMNS, skip=1)
    if len(table) < 2:
        raise FileError(f"{path}: expected a mean and components, got {len(table)} rows")
    return table.reshape(-1, _JOINTS, 3)


def _check_columns(columns: list[str], where: str) -> None:
    """Raise `FileError` unless the columns are x, y, z of every joint in order."""
    given = [name.strip().rpartition("-") for name in columns]
    have = [(_joint_name(joint, where), axis) for joint, _, axis in given]
    if have != list(itertools.product(PUBLISHED_JOINT_NAMES, "xyz")):
        raise FileError(f"{where}: expected columns root-x, root-y, ... of the {_JOINTS} joints")


def _joint_name(name: str, where: str) -> str:
    try:
        return canonical_name(name)
    except UnknownNameError as error:
        raise FileError(f"{where}: {error}") from error


def _table(path: Path, columns: int, skip: int = 0) -> Floats:
    rows = []
    for number, line in _lines(path)[skip:]:
        cells = line.split(",")
        if len(cells) != columns:
            raise FileError(f"{path}:{number}: expected {columns} columns, got {len(cells)}")
        rows.append([_number(cell, f"{path}:{number}") for cell in cells])
    return np.array(rows).reshape(len(rows), columns)


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines that are neither empty nor comments, each with its number from 1."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path}: larger than {_MAX_BYTES:,} bytes, no file of the model")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not a text file") from error
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise FileError(f"{where}: expected a number, got {text!r}")
    return value
