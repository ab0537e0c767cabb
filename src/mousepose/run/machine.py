"""What this machine has for mousepose: libraries, compiled kernels, how fast it fits, space."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from mousepose import __version__
from mousepose.errors import MouseposeError

#: The libraries that every installation has: distribution names.
CORE = (
    "av", "h5py", "matplotlib", "numba", "numpy", "onnxruntime", "pandas", "pillow", "pyarrow",
    "pydantic", "rich", "scipy", "tomli-w", "typer",
)  # fmt: skip
#: Frames of the measured recording, and the seconds that are measured.
_FRAMES, _SECONDS = 120, 2.0
#: Fits a second below which a recording of an hour takes days.
_SLOW = 20.0
#: GiB in the folder of temporary files that a long recording may need.
_LEAST_FREE = 1.0


@dataclass(frozen=True)
class Extra:
    """An optional part: what it gives, its libraries as module -> distribution, its own code.

    `part` is the module of mousepose that the extra serves.
    """

    gives: str
    libraries: Mapping[str, str]
    part: str


#: Every extra by name, as in the package's own metadata.
EXTRAS: Mapping[str, Extra] = {
    "formats": Extra(
        "SLEAP .slp, movement netCDF, DeepLabCut h5 to write",
        {"h5netcdf": "h5netcdf", "sleap_io": "sleap-io", "tables": "tables", "xarray": "xarray"},
        "io",
    ),
    "calibrate": Extra(
        "cameras from videos of a board or a cage",
        {"cv2": "opencv-python-headless"},
        "calibrate",
    ),
    "ct": Extra(
        "bones and skin from CT scans",
        {
            "fast_simplification": "fast-simplification",
            "nibabel": "nibabel",
            "pydicom": "pydicom",
            "skimage": "scikit-image",
            "tifffile": "tifffile",
            "trimesh": "trimesh",
        },  # fmt: skip
        "ct",
    ),
    "train": Extra("training a detector of keypoints", {"onnx": "onnx", "torch": "torch"}, "train"),
    "analysis": Extra(
        "classifiers of behaviour", {"sklearn": "scikit-learn", "aeon": "aeon"}, "analysis"
    ),
    "nwb": Extra("NWB of poses", {"pynwb": "pynwb", "ndx_pose": "ndx-pose"}, "nwb"),
    "monitor": Extra(
        "watching many cages",
        {
            "dask": "dask",
            "dask_jobqueue": "dask-jobqueue",
            "distributed": "distributed",
            "duckdb": "duckdb",
            "fsspec": "fsspec",
            "pg8000": "pg8000",
            "prometheus_client": "prometheus-client",
            "sqlalchemy": "sqlalchemy",
            "starlette": "starlette",
            "uvicorn": "uvicorn",
        },  # fmt: skip
        "monitor",
    ),
    "view": Extra("poses in the browser", {"viser": "viser"}, "view"),
}


@dataclass(frozen=True)
class ExtraState:
    """Whether this version has the part that an extra serves, and which libraries are there."""

    gives: str
    available: bool
    installed: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def works(self) -> bool:
        """Tell whether the extra can be used."""
        return self.available and not self.missing


@dataclass(frozen=True)
class Speed:
    """How fast frames are fitted on one core, and what the kernels cost before the first of them.

    `warm` tells whether compiled kernels were found in `cache_folder`.
    """

    fits_per_second: float
    start_seconds: float
    warm: bool
    cache_folder: str
    cache_writable: bool


@dataclass(frozen=True)
class Machine:
    """All that `examine` found; `problems` are sentences, none where all is well."""

    version: str
    python: str
    platform: str
    cores: int
    libraries: Mapping[str, str]
    extras: Mapping[str, ExtraState]
    onnx_providers: tuple[str, ...]
    speed: Speed | None
    temporary_folder: str
    free_gib: float
    problems: tuple[str, ...]


def examine() -> Machine:
    """Return what this machine has, with a measurement of two to three seconds.

    A first run also compiles the kernels, which takes about a minute.
    """
    problems = []
    libraries = {name: _version(name) for name in CORE}
    missing = [name for name, version in libraries.items() if not version]
    if missing:
        problems.append(f"missing: pip install {' '.join(missing)}")
    speed = None
    try:
        speed = measure_speed()
    except (MouseposeError, ImportError, OSError) as error:
        problems.append(f"the fit does not run: {error}")
    if speed is not None and speed.fits_per_second < _SLOW:
        problems.append(f"{speed.fits_per_second:.0f} fits/s is slow: is the machine busy?")
    if speed is not None and not speed.cache_writable:
        problems.append(
            f"compiled kernels cannot be kept in {speed.cache_folder}: every start compiles them "
            "anew; set NUMBA_CACHE_DIR to a folder that can be written"
        )
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free / 2**30
    if free < _LEAST_FREE:
        problems.append(f"{free:.1f} GiB free in {folder}: long recordings need more")
    return Machine(
        __version__,
        platform.python_version(),
        platform.platform(),
        usable_cores(),
        libraries,
        {name: state_of(extra) for name, extra in EXTRAS.items()},
        _providers(),
        speed,
        folder,
        free,
        tuple(problems),
    )


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def state_of(extra: Extra) -> ExtraState:
    """Return which libraries of an extra are installed; nothing is imported."""
    found = {
        distribution: _version(distribution) or "installed"
        for module, distribution in extra.libraries.items()
        if find_spec(module) is not None
    }
    missing = tuple(name for name in extra.libraries.values() if name not in found)
    return ExtraState(extra.gives, find_spec(f"mousepose.{extra.part}") is not None, found, missing)


def measure_speed() -> Speed:
    """Return how many frames a second one core fits, of a simulated recording."""
    from mousepose.body.default import default_body
    from mousepose.fit.config import FitConfig, Scale
    from mousepose.fit.setup import Animal, Setup
    from mousepose.method import solve
    from mousepose.simulate import observe, walking_mouse, watching_camera

    body, camera = default_body(), watching_camera()
    walk = walking_mouse(body, _FRAMES / 60.0, 60.0, seed=1)
    keypoints = observe(body, walk.pose, walk.times, camera, seed=1)
    setup = Setup.of(camera, scale=Scale.model(), config=FitConfig(temporal=False))
    animal = Animal.typical(setup)
    started = time.perf_counter()
    solve(keypoints, setup, animal)
    start = time.perf_counter() - started
    fits, began = 0, time.process_time()
    while time.process_time() - began < _SECONDS:
        solve(keypoints, setup, animal)
        fits += len(keypoints)
    seconds = time.process_time() - began
    folder, warm = _kernels()
    return Speed(fits / seconds, start, warm, str(folder), os.access(folder, os.W_OK))


def _kernels() -> tuple[Path, bool]:
    """Return where the compiled kernels are kept, and whether all that ran were found there."""
    from mousepose.fit import solver

    stats = [value.stats for value in vars(solver).values() if hasattr(value, "stats")]
    return Path(stats[0].cache_path), not any(s.cache_misses for s in stats)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _providers() -> tuple[str, ...]:
    """Return what onnxruntime can compute on, nothing where it is not installed."""
    if find_spec("onnxruntime") is None:
        return ()
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())
