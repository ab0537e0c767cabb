"""The pose prior: how real mice bend, as pose coordinates drawn from N(0, 1).

Joint rotations are ``mean + basis @ z`` with z ~ N(0, I): a Gaussian over joint angles whose
components are sorted by how far they move the animal, so that a fit may keep the first of them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.body.model import BodyModel
from mousepose.errors import FileError, ModelError
from mousepose.types import Floats

_ARRAYS = ("mean", "basis", "acceleration", "inflation")
_COMPONENT_ARRAYS = ("weights", "means", "bases")
#: What a file says it is; files of other versions are told to be learned again.
_FORMAT = "mousepose prior 2"
_MAX_BYTES = 10_000_000
#: Mice are bent: snout and tail base are this share of the way along the spine apart, the mean of
#: 61 labelled poses (spoonsso/dannce, MIT). Standing straight at rest it would be 0.93.
_CARRIED = 0.76


@dataclass(frozen=True, eq=False)
class Components:
    """K ways of bending: `weights` (K,), `means` (K, J, 3) rad, `bases` (K, J, 3, R) as a prior's.

    Raises `ModelError` where the fields do not fit together.
    """

    weights: Floats
    means: Floats
    bases: Floats

    def __post_init__(self) -> None:
        count = len(self.weights)
        shapes = (self.weights.shape, self.means.shape[:-1], self.bases.shape[:-1])
        joints = self.means.shape[1:-1]
        good = shapes == ((count,), (count, *joints), (count, *joints, 3)) and len(joints) == 1
        finite = all(np.isfinite(a).all() for a in (self.weights, self.means, self.bases))
        if not (good and finite and (self.weights > 0).all()):
            raise ModelError(
                "prior: components: expected finite weights (K,) above 0, means (K, J, 3), bases "
                f"(K, J, 3, R); got {self.weights.shape}, {self.means.shape}, {self.bases.shape}"
            )

    def __len__(self) -> int:
        return len(self.weights)


@dataclass(frozen=True, eq=False)
class PosePrior:
    """A prior over poses of a body of J joints in R coordinates, of which a fit takes the first.

    `mean` (J, 3) rad; `basis` (J, 3, R) rad per coordinate, first those that move the animal
    most; a pose is found in the first `coordinates` of them. `acceleration` (3,) holds the spectral
    densities with which a root turn (rad^2/s^3), its place (mm^2/s^3) and a coordinate (1/s^3)
    accelerate. `body_length` mm is the nose-to-tail-base length of the animals, `typical_length`
    the mean straight distance from snout to tail base, as marked on the skin, that goes with it.
    `inflation` (2, 2): factors on covariances of seen and inferred points (rows), found frame by
    frame and through time (columns), that make held-out regions hold what they promise.
    `persistent` is the share of a single frame's covariance that does not average out through time.
    `shape` are the shape coefficients of the animals it was learned from, empty for a body as it
    was built. `components` are there where poses were learned as a mixture, whose mean and
    covariance `mean` and `basis` then are. Raises `ModelError` where fields do not fit together.
    """

    mean: Floats
    basis: Floats
    coordinates: int
    acceleration: Floats
    body_length: float
    typical_length: float
    joint_names: tuple[str, ...]
    inflation: Floats = field(default_factory=lambda: np.ones((2, 2)))
    persistent: float = 0.1
    shape: tuple[float, ...] = ()
    source: str = ""
    components: Components | None = None

    def __post_init__(self) -> None:
        joints, columns = len(self.joint_names), self.basis.shape[-1]
        for name, shape in {
            "mean": (joints, 3),
            "basis": (joints, 3, columns),
            "acceleration": (3,),
            "inflation": (2, 2),
        }.items():
            have = getattr(self, name)
            if have.shape != shape or not np.isfinite(have).all():
                raise ModelError(f"prior: {name}: expected finite {shape}, got {have.shape}")
        if not 0 < self.coordinates <= columns:
            raise ModelError(f"prior: coordinates: expected 1 to {columns}, got {self.coordinates}")
        if self.components is not None and self.components.bases.shape[1:] != self.basis.shape:
            raise ModelError(
                f"prior: components: expected bases (K, {joints}, 3, {columns}), got "
                f"{self.components.bases.shape}"
            )

    @classmethod
    def isotropic(cls, body: BodyModel, sd: float = 0.3) -> PosePrior:
        """Return the prior that knows nothing of mice: every free angle is N(0, sd^2)."""
        free = np.argwhere(body.free)
        basis = np.zeros((*body.free.shape, len(free)))
        basis[free[:, 0], free[:, 1], np.arange(len(free))] = sd
        return cls(
            mean=np.zeros(body.free.shape),
            basis=basis,
            coordinates=len(free),
            acceleration=np.array([100.0, 3e5, 1000.0]),
            body_length=_length(body),
            typical_length=_CARRIED * _length(body),
            joint_names=body.skeleton.joint_names,
            source=f"isotropic, {sd} rad",
        )

    def component(self, index: int) -> PosePrior:
        """Return the prior of one component alone."""
        if self.components is None:
            raise ModelError("prior: it has no components: it is one Gaussian")
        mean, basis = self.components.means[index], self.components.bases[index]
        return replace(self, mean=mean, basis=basis, components=None)

    def save(self, path: str | Path, notes: Mapping[str, Any] | None = None) -> None:
        """Write the prior as an npz file without pickle; `notes` are kept in its header."""
        header = {
            "format": _FORMAT,
            "joint_names": self.joint_names,
            "coordinates": self.coordinates,
            "body_length": self.body_length,
            "typical_length": self.typical_length,
            "source": self.source,
            "persistent": self.persistent,
            "shape": self.shape,
            **(notes or {}),
        }
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.components is not None:
            for name in _COMPONENT_ARRAYS:
                arrays[f"component_{name}"] = getattr(self.components, name)
        with atomic_path(path) as unfinished, unfinished.open("wb") as stream:
            np.savez_compressed(stream, header=np.array(json.dumps(header)), **arrays)


def load_prior(path: str | Path | None = None) -> PosePrior:
    """Return a prior from a file, or the one that ships with the package.

    Raises `FileError` for anything that is not a prior file.
    """
    if path is None:
        with resources.as_file(resources.files("mousepose") / "data" / "prior.npz") as shipped:
            return load_prior(shipped)
    header, arrays = _read(Path(path))
    parts = {
        n: arrays.pop(f"component_{n}") for n in _COMPONENT_ARRAYS if f"component_{n}" in arrays
    }
    with _told(path):
        components = Components(**parts) if parts else None
        return PosePrior(
            **arrays,
            components=components,
            coordinates=int(header["coordinates"]),
            body_length=float(header["body_length"]),
            typical_length=float(header["typical_length"]),
            joint_names=tuple(header["joint_names"]),
            source=str(header["source"]),
            persistent=float(header["persistent"]),
            shape=tuple(float(value) for value in header["shape"]),
        )


def prior_notes(path: str | Path) -> dict[str, Any]:
    """Return what a prior file says of how it was learned. Raises `FileError`."""
    notes = _read(Path(path))[0].get("provenance", {})
    return dict(notes) if isinstance(notes, dict) else {}


def _length(body: BodyModel) -> float:
    names = body.skeleton.joint_names
    return body.body_length if {"NOSE", "ROOT_TAIL"} <= set(names) else 1.0


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Return the header of a prior file and its arrays."""
    with _told(path):
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path}: larger than {_MAX_BYTES:,} bytes, no prior file")
        with path.open("rb") as stream:
            if stream.read(4) != b"PK\x03\x04":
                raise ValueError("it is no npz")
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            names = [*_ARRAYS, *(f"component_{name}" for name in _COMPONENT_ARRAYS)]
            needed = {name for name in names if name in _ARRAYS or name in file}
            arrays = {name: np.asarray(file[name], np.float64) for name in needed}
        if not isinstance(header, dict) or header.get("format") != _FORMAT:
            have = header.get("format") if isinstance(header, dict) else None
            raise FileError(
                f"{path}: expected {_FORMAT!r}, got {have!r}: learn the prior again "
                "(mousepose learn-prior)"
            )
        return header, arrays


@contextmanager
def _told(path: str | Path) -> Iterator[None]:
    """Turn whatever a damaged file causes into one `FileError`."""
    try:
        yield
    except FileError:
        raise
    except (OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile, zlib.error) as error:
        hint = ""
        if Path(path).suffix == ".pbtxt":
            hint = "; a mixture of positions goes with --prior published --published-gmm FILE"
        raise FileError(f"{path}: not a prior file of mousepose: {error}{hint}") from error
