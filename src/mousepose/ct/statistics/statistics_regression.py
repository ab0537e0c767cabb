"""What weight, sex and age say of shape: a table of animals, and a linear regression."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.errors import FileError, InputError
from mousepose.types import Floats

#: The columns that say something of an animal; weight counts as a logarithm.
COVARIATES = ("weight_g", "sex", "age_days")
_NAME = "scan"
_SEXES = {"f": -1.0, "female": -1.0, "m": 1.0, "male": 1.0}
_MAX_BYTES, _LARGEST = 5_000_000, 10_000.0
#: Precision of a slope of 0, in animals: a covariate that hardly varies explains nothing.
_RIDGE = 0.1
_MISSING = {"", "na", "nan", "unknown", "?"}


@dataclass(frozen=True, eq=False)
class Animals:
    """A table of animals: `scans` (N,) names, and `columns` (N,) of some of `COVARIATES`.

    Weight is the logarithm of g, sex -1 female and 1 male, age the logarithm of days; NaN is
    unknown.
    """

    scans: tuple[str, ...]
    columns: Mapping[str, Floats]

    def of(self, scans: Sequence[str]) -> Animals:
        """Return the rows of these scans, in their order; NaN for those that have none."""
        rows = [self.scans.index(name) if name in self.scans else -1 for name in scans]
        columns = {
            name: np.array([values[row] if row >= 0 else np.nan for row in rows])
            for name, values in self.columns.items()
        }
        return Animals(tuple(scans), columns)


@dataclass(frozen=True, eq=False)
class Regression:
    """Coefficients (K,) = `mean` + (covariates - `centre`) @ `slope` (P, K), with SD `sd` (K,).

    `names` (P,) are the covariates. `held_out_r2` (K,) is the share of variance that is told of an
    animal that was left out; 0 or less is nothing.
    """

    names: tuple[str, ...]
    centre: Floats
    slope: Floats
    mean: Floats
    sd: Floats
    held_out_r2: Floats

    def predict(self, **known: float | str) -> Floats:
        """Return the coefficients (K,) of an animal: `predict(weight_g=25, sex="female")`.

        What is not given is as in the mean animal. Raises `InputError` for another covariate and
        for values that are none.
        """
        point = self.centre.copy()
        for name, value in known.items():
            if name not in self.names:
                raise InputError(f"{name!r} was not learned from; known: {', '.join(self.names)}")
            number = _value(name, str(value))
            if number is None or np.isnan(number):
                raise InputError(f"{name}: {value!r} is {_expected(name)[1]}")
            point[self.names.index(name)] = number
        return np.asarray(self.mean + (point - self.centre) @ self.slope)


def read_animals(path: str | Path) -> Animals:
    """Return the table of a CSV file with the columns `scan` and any of weight_g, sex, age_days.

    Other columns are not read; empty cells are unknown. Raises `FileError` with every bad cell.
    """
    path = Path(path)
    rows, header = _rows(path)
    names = tuple(name for name in COVARIATES if name in header)
    if _NAME not in header or not names:
        raise FileError(
            f"{path}: expected a column {_NAME!r} and one or more of {', '.join(COVARIATES)}; "
            f"the first line has {', '.join(header) or 'nothing'}"
        )
    faults: list[str] = []
    scans: list[str] = []
    columns: dict[str, list[float]] = {name: [] for name in names}
    for number, row in rows:
        scan = (row.get(_NAME) or "").strip()
        if not scan or scan in scans:
            faults.append(f"line {number}: scan {scan!r} is {'twice' if scan else 'no name'}")
        scans.append(scan)
        for name in names:
            cell = (row.get(name) or "").strip()
            value = _value(name, cell)
            if value is None:
                faults.append(f"line {number}: {name} {cell!r}: {_expected(name)[0]}")
            columns[name].append(np.nan if value is None else value)
    if faults or not scans:
        raise FileError(f"{path}: {'; '.join(faults[:20]) or 'no animal under the first line'}")
    return Animals(tuple(scans), {name: np.array(values) for name, values in columns.items()})


def regress(coefficients: Floats, animals: Animals) -> Regression:
    """Return how coefficients (N, K) go with what the table says of the same N animals.

    Least squares with a faint pull of slopes to 0; unknown cells count as the mean of their column,
    and a column of which less than half is known is left out. Raises `InputError` where fewer than
    4 animals or no column are left.
    """
    if coefficients.ndim != 2 or len(coefficients) != len(animals.scans):
        raise InputError(
            f"expected coefficients ({len(animals.scans)}, K), got {coefficients.shape}"
        )
    names = tuple(
        name
        for name, values in animals.columns.items()
        if np.isfinite(values).mean() >= 0.5 and np.nanstd(values) > 0
    )
    if len(coefficients) < 4 or not names:
        raise InputError(
            f"{len(coefficients)} animals with {len(names)} columns that vary say nothing; "
            "expected 4 or more animals"
        )
    table = np.stack([animals.columns[name] for name in names], axis=1)
    centre = np.nanmean(table, axis=0)
    x = np.where(np.isfinite(table), table - centre, 0.0)
    mean = coefficients.mean(axis=0)
    y = coefficients - mean
    slope = _slope(x, y)
    left_out = np.empty_like(y)
    for index in range(len(x)):
        others = np.arange(len(x)) != index
        middle_x, middle_y = x[others].mean(axis=0), y[others].mean(axis=0)
        found = _slope(x[others] - middle_x, y[others] - middle_y)
        left_out[index] = middle_y + (x[index] - middle_x) @ found
    variance = np.maximum((y**2).sum(axis=0), 1e-300)
    free = max(len(x) - len(names) - 1, 1)
    sd = np.sqrt(((y - x @ slope) ** 2).sum(axis=0) / free)
    told = 1 - ((y - left_out) ** 2).sum(axis=0) / variance
    return Regression(names, centre, slope, mean, sd, np.asarray(told))


def _slope(x: Floats, y: Floats) -> Floats:
    spread = np.maximum(x.std(axis=0), 1e-12)
    scaled = x / spread
    inner = scaled.T @ scaled + _RIDGE * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(inner, scaled.T @ y) / spread[:, None])


def _rows(path: Path) -> tuple[list[tuple[int, dict[str, str | None]]], list[str]]:
    """Return the lines of a table with their numbers, and its header."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path}: larger than {_MAX_BYTES:,} bytes, no table of animals")
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(text.splitlines(), strict=True)
        header = [(name or "").strip() for name in reader.fieldnames or []]
        reader.fieldnames = header
        rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path}: no table of comma-separated values: {error}") from error
    return rows, header


def _value(name: str, cell: str) -> float | None:
    """Return a cell as a number, NaN where it is unknown, None where it is none."""
    if cell.lower() in _MISSING:
        return float("nan")
    if name == "sex":
        return _SEXES.get(cell.lower())
    try:
        number = float(cell)
    except ValueError:
        return None
    return float(np.log(number)) if 0 < number < _LARGEST else None


def _expected(name: str) -> tuple[str, str]:
    """Return what a cell should be, and what a bad one is not."""
    if name == "sex":
        return "expected f, m, female or male", "neither female nor male"
    return f"expected a number above 0 and below {_LARGEST:,.0f}", "not a number above 0"
