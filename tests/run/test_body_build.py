"""Scans to one body: what is done is not done again, what fails is left out and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.errors import FileError, InputError
from mousepose.run import body_scans
from mousepose.run.body_build import build_body, find_scans
from mousepose.run.body_scans import ScanOutcome, ScanPlan, process_scans


def outcome(name: str, body: BodyModel, size: float) -> ScanOutcome:
    assert body.mesh is not None
    lengths = np.linalg.norm(body.bone_vectors, axis=1) * size
    return ScanOutcome(
        name, "", (), 1.0, lengths, np.full(len(lengths), 0.1), body.mesh.vertices,
        np.zeros(len(body.mesh.vertices)),
    )  # fmt: skip


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Scans whose content says what becomes of them; returns the names of those worked on."""
    worked: list[str] = []

    def fresh(path: Path, plan: ScanPlan) -> ScanOutcome:
        worked.append(path.stem)
        text = path.read_text(encoding="utf-8")
        if text.startswith("bad"):
            raise InputError(f"scan '{path.stem}' cannot be used: two animals")
        return outcome(path.stem, plan.template, float(text))

    monkeypatch.setattr(body_scans, "_fresh", fresh)
    return worked


def write_scans(folder: Path, **content: str) -> list[Path]:
    paths = []
    for name, text in content.items():
        paths.append(folder / f"{name}.dcm")
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def test_a_second_run_does_only_what_changed(fake: list[str], tmp_path: Path) -> None:
    paths = write_scans(tmp_path, a="1.0", b="1.1", c="bad", d="0.9")
    plan = ScanPlan(default_body(), tmp_path / "work")
    first = process_scans(paths, plan)
    assert fake == ["a", "b", "c", "d"]
    assert [one.good for one in first] == [True, True, False, True]
    assert "two animals" in first[2].reason
    second = process_scans(paths, plan)
    assert fake == ["a", "b", "c", "d", "c"]  # what failed is tried again
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.bone_lengths, other.bone_lengths)
        assert (one.name, one.reason, one.notes) == (other.name, other.reason, other.notes)
    paths[1].write_text("1.2", encoding="utf-8")
    (tmp_path / "d.joints.csv").write_text("name,x_mm,y_mm,z_mm\n", encoding="utf-8")
    process_scans(paths, plan)
    assert fake[5:] == ["b", "c", "d"]


def test_a_work_file_that_was_cut_is_done_again(fake: list[str], tmp_path: Path) -> None:
    (path,) = write_scans(tmp_path, a="1.0")
    plan = ScanPlan(default_body(), tmp_path / "work")
    process_scans([path], plan)
    work = tmp_path / "work" / "a.npz"
    work.write_bytes(work.read_bytes()[:500])
    (again,) = process_scans([path], plan)
    assert again.good
    assert fake == ["a", "a"]


def test_the_body_is_that_of_the_good_scans() -> None:
    body = default_body()
    sizes = (0.9, 1.0, 1.2, 1.1)
    outcomes = [outcome(f"m{k}", body, size) for k, size in enumerate(sizes)]
    built = build_body([*outcomes, ScanOutcome("x", "no bone")], body)
    mean = np.exp(np.log(sizes).mean())
    np.testing.assert_allclose(built.body.bone_vectors, mean * body.bone_vectors, atol=1e-6)
    size = built.learned.shape[:, built.body.shape_space.names.index("size")]
    np.testing.assert_allclose(np.exp(size) * mean, sizes, rtol=1e-6)
    assert built.body.shape_space.n_scans == 4


def test_too_few_good_scans_are_told_with_what_was_wrong() -> None:
    body = default_body()
    outcomes = [outcome("a", body, 1.0), ScanOutcome("b", "two animals")]
    with pytest.raises(InputError, match=r"1 of 2 scans can be used.*b: two animals"):
        build_body(outcomes, body)


def test_scans_are_found_in_folders(tmp_path: Path) -> None:
    inner = tmp_path / "more"
    inner.mkdir()
    write_scans(tmp_path, a="1", b="1")
    write_scans(inner, c="1")
    (tmp_path / "animals.csv").write_text("scan\n", encoding="utf-8")
    assert [path.stem for path in find_scans([tmp_path])] == ["a", "b", "c"]
    with pytest.raises(FileError, match="named a"):
        find_scans([tmp_path, tmp_path / "a.dcm"])
    with pytest.raises(FileError, match="no scan"):
        find_scans([tmp_path / "empty"] if (tmp_path / "empty").mkdir() is None else [])


def test_a_bone_that_no_scan_shows_spoils_nothing() -> None:
    body = default_body()
    outcomes = [outcome(name, body, size) for name, size in (("a", 0.9), ("b", 1.0), ("c", 1.1))]
    outcomes.append(outcome("d", body, 1.05))
    for one in outcomes:
        assert one.bone_lengths is not None
        one.bone_lengths[-2:] = np.nan
    outcomes[0].bone_lengths[5] = np.nan
    built = build_body(outcomes, body)
    assert np.isfinite(built.bone_curves.generalisation).all()
    assert np.isfinite(built.body.rest).all()
    assert (np.diff(built.learned.shape[:3, 0]) > 0.05).all()
