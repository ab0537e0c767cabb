"""`mousepose dataset` as a user runs it: what it prints, writes and answers to mistakes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labelled_frames import shared_twin
from mousepose.cli.dataset import app


@pytest.fixture(scope="module")
def small_twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_twin(tmp_path_factory)


def run(*arguments: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, " ".join(found.stdout.split()), found.stderr


def test_info_counts_and_tells_guesses(small_twin: Path) -> None:
    code, out, _ = run("info", small_twin, "--features")
    assert code == 0
    assert "5,460" in out
    assert "'clip/id' is taken for the clip" in out
    told = re.search(r"(\d+) points", out)
    assert told and 18 <= int(told[1]) <= 22  # of a few frames some points are never seen
    assert "labelled frames" in out  # what each file is


def test_a_feature_can_be_named(small_twin: Path) -> None:
    code, out, _ = run("info", small_twin, "--behaviour", "clip/id")
    assert code == 0
    assert "clip_0003" in out
    code, _, err = run("info", small_twin, "--behaviour", "nonsense")
    assert code == 1
    assert "unknown feature (for behaviour) 'nonsense'" in err


def test_validate_says_what_it_checked(small_twin: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    code, out, _ = run("validate", small_twin, "--no-scans", "--json", report)
    assert "checked: 84 frames, 12 multi-view pictures" in out
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["counts"].keys() <= {"names"}  # in so few frames a paw may never be seen
    assert code == (0 if found["good"] else 3)


def test_validate_of_a_damaged_file_ends_with_3(small_twin: Path, tmp_path: Path) -> None:
    data = bytearray((small_twin / "video_frames.tfrecord").read_bytes())
    data[5000] ^= 1
    path = tmp_path / "video_frames.tfrecord"
    path.write_bytes(data[:-100])
    code, out, _ = run("validate", path)
    assert code == 3
    assert "record 0 at byte 0" in out
    assert "the file is cut" in out
    code, _, err = run("info", path)
    assert code == 1
    assert "record 83 at byte" in err
    code, out, _ = run("info", path, "--skip-faults")
    assert code == 0
    assert "damaged records were left out" in out


def test_show_draws_what_is_there(small_twin: Path, tmp_path: Path) -> None:
    code, out, _ = run("show", small_twin, "-o", tmp_path / "pictures")
    assert code == 0
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["behaviours.png", "keypoints.png", "multiview.png"]
    assert out.count("wrote") == 3
    code, _, err = run("show", small_twin, "-o", tmp_path / "other", "--scan", "M9")
    assert code == 1
    assert "unknown scan 'M9'" in err


def test_convert_splits_by_clip(small_twin: Path, tmp_path: Path) -> None:
    code, out, _ = run(
        "convert", small_twin, "--to", "coco", "-o", tmp_path / "coco", "--split", "a=0.5,b=0.5"
    )
    assert code == 0
    assert "84 frames as COCO keypoints: 48 a, 36 b" in out
    assert (tmp_path / "coco" / "annotations_b.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--to", "xml"), 1, "unknown format 'xml'"),
        (("--to", "coco", "--split", "a=b"), 2, "expected NAME=SHARE"),
        (("--to", "coco", "--split", "a=2"), 1, "numbers from 0 to 1"),
    ],
)
def test_mistakes_are_told(
    small_twin: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    found, _, err = run("convert", small_twin, "-o", tmp_path / "x", *arguments)
    assert found == code
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_a_twin_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "twin"
    small = ("--clips", 1, "--moments", 1, "--scans", 0, "--image-scale", 0.1)
    code, out, _ = run("twin", "-o", folder, *small)
    assert code == 0
    assert f"wrote {folder}" in out
    code, _, err = run("twin", "-o", folder, *small)
    assert code == 1
    assert "not empty" in err


def test_every_command_explains_itself() -> None:
    for command in ("info", "validate", "show", "convert", "twin"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert f"mousepose dataset {command}" in out
