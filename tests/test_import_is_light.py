"""`import mousepose` is quick: it loads no heavy library before one is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "av",
    "cv2",
    "dask",
    "distributed",
    "h5netcdf",
    "h5py",
    "llvmlite",
    "matplotlib",
    "nibabel",
    "numba",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "pydantic",
    "pydicom",
    "rich",
    "scipy",
    "skimage",
    "sklearn",
    "sleap_io",
    "tables",
    "torch",
    "typer",
    "viser",
    "xarray",
}


@pytest.mark.parametrize("module", ["mousepose", "mousepose.types", "mousepose.io"])
def test_import_loads_no_heavy_library(module: str) -> None:
    code = f"import {module}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "mousepose" in loaded
    assert not HEAVY & set(loaded)
