"""`mousepose keypoints` as a user types it: what it says, what it writes, how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mousepose.body.default import default_body
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map, shipped_maps
from mousepose.body.prior import load_prior
from mousepose.cli.failures import ExitCode
from mousepose.cli.keypoints import app
from mousepose.io import write_cameras, write_dlc_csv
from mousepose.simulate import observe, walking_mouse, watching_camera

FPS = 30.0


class Result:
    def __init__(self, arguments: tuple[object, ...]) -> None:
        found = CliRunner().invoke(app, [str(argument) for argument in arguments])
        self.code, self.out, self.err = found.exit_code, found.stdout, found.stderr


def keypoints(*arguments: object) -> Result:
    return Result(arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a walk in names of a lab's own, its camera, and a still mouse."""
    folder = tmp_path_factory.mktemp("keypoints")
    body, prior, known = default_body(), load_prior(), load_keypoint_map("homecage15")
    walk = walking_mouse(
        body, 12, FPS, turn_radius_mm=150, shape=np.array(prior.shape), posture=prior.mean, seed=1
    )
    camera = watching_camera(distance_mm=560)
    own = {"Nose": "snoot", "TTI": "tailbase", "Head": "ohr"}
    names = tuple(own.get(name, name) for name in known.names)
    marks = KeypointMap(names, known.bones, known.offset + [2, 0, 1], known.sigma, {})
    seen = observe(body, walk.pose, walk.times, camera, marks, noise_px=1.0, seed=2)
    write_dlc_csv(folder / "own.csv", seen)
    still = observe(body, walk.pose, walk.times, camera, known, noise_px=1.0, seed=2)
    still.xy[:] = still.xy[:1] + np.random.default_rng(0).normal(size=still.xy.shape)
    write_dlc_csv(folder / "still.csv", still)
    write_cameras(folder / "camera.toml", [camera])
    return folder


def test_all_maps_are_listed_and_shown(tmp_path: Path) -> None:
    listed = keypoints("list")
    assert listed.code == ExitCode.OK
    for name in shipped_maps():
        assert name in listed.out
        shown = keypoints("show", name)
        assert shown.code == ExitCode.OK
        assert all(keypoint in shown.out for keypoint in load_keypoint_map(name).names)
    drawn = keypoints("show", "jabs12", "--plot", tmp_path / "map.png")
    assert drawn.code == ExitCode.OK
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_a_file_is_checked(folder: Path) -> None:
    found = keypoints("check", folder / "still.csv")
    assert found.code == ExitCode.OK
    assert "map: homecage15" in found.out
    assert "all 15 columns" in found.out
    assert "LEFT_FORE_PAW" in found.out  # nothing marks it
    assert "100%" in found.out


def test_what_a_map_does_not_know_is_told(folder: Path) -> None:
    found = keypoints("check", folder / "own.csv")
    assert found.code == ExitCode.OK
    for told in ("snoot", "guessed the spelling", "ohr", "no part of a mouse"):
        assert told in found.out
    few = keypoints("check", folder / "own.csv", "--keypoints", "treadmill6_left")
    assert few.code == ExitCode.NOT_GOOD_ENOUGH
    assert "a pose needs 5" in few.out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("check", "absent.csv"), "absent.csv"),
        (("check", "own.csv", "--keypoints", "homecage"), "did you mean 'homecage15'"),
        (("check", "own.csv", "--keypoints", "absent.toml"), "absent.toml"),
        (("check", "camera.toml"), "camera.toml"),
        (("show", "jabs"), "known: anatomy"),
        (("new", "absent.csv", "-o", "new.toml"), "absent.csv"),
    ],
)
def test_wrong_input_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.chdir(folder)
    found = keypoints(*arguments)
    assert found.code == ExitCode.FAILED
    assert found.err.startswith("error: ")
    assert complaint in found.err
    assert found.err.count("\n") == 1


def test_a_new_map_is_ready_to_be_edited(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    first = keypoints("new", folder / "own.csv", "-o", path)
    assert first.code == ExitCode.OK
    assert "14 of 15 columns" in first.out and "ohr" in first.out
    text = path.read_text(encoding="utf-8")
    assert "CHECK: guessed the spelling" in text
    assert '# [keypoints."ohr"]' in text
    assert len(load_keypoint_map(path)) == 14
    assert keypoints("check", folder / "own.csv", "--keypoints", path).code == ExitCode.OK
    again = keypoints("new", folder / "own.csv", "-o", path)
    assert again.code == ExitCode.USAGE
    assert "--replace" in again.err
    assert path.read_text(encoding="utf-8") == text
    # what was to be placed can be, by taking the marks of a comment away
    path.write_text(text.replace("# [", "[").replace("# bone =", "bone =").replace(
        "# offset_mm =", "offset_mm =").replace("# sigma_mm =", "sigma_mm ="))  # fmt: skip
    assert len(load_keypoint_map(path)) == 15


@pytest.fixture
def learn(folder: Path) -> Callable[..., Result]:
    def run(*arguments: object) -> Result:
        return keypoints(
            "learn-offsets", *arguments, "--camera", folder / "camera.toml", "--fps", FPS,
            "--body-length", 79, "--frames", 40,
        )  # fmt: skip

    return run


def test_offsets_are_learned_and_drawn(
    folder: Path, tmp_path: Path, learn: Callable[..., Result]
) -> None:
    guess, out = tmp_path / "my.toml", tmp_path / "learned.toml"
    keypoints("new", folder / "own.csv", "-o", guess)
    found = learn(folder / "own.csv", "--keypoints", guess, "-o", out, "--plots", tmp_path / "p")
    assert found.code == ExitCode.OK, found.err
    for told in ("different poses", "held-out", "scale from: body_length 79 mm", "snoot"):
        assert told in found.out
    assert '"stage": "learning offsets"' in found.err
    learned = load_keypoint_map(out)
    assert learned.names == load_keypoint_map(guess).names
    assert any("own.csv" in origin for origin in learned.origins.values())
    assert learned.offset_sd is not None
    assert (tmp_path / "p" / "offsets.png").stat().st_size > 10_000
    assert keypoints("check", folder / "own.csv", "--keypoints", out).code == ExitCode.OK


def test_a_mouse_that_sits_still_teaches_nothing(
    folder: Path, tmp_path: Path, learn: Callable[..., Result]
) -> None:
    out = tmp_path / "learned.toml"
    found = learn(folder / "still.csv", "--keypoints", "homecage15", "-o", out)
    assert found.code == ExitCode.NOT_GOOD_ENOUGH
    assert "different poses" in found.out and "is not written" in found.out
    assert not out.exists()


def test_wrong_learning_is_told(folder: Path, tmp_path: Path, learn: Callable[..., Result]) -> None:
    out = tmp_path / "learned.toml"
    many = learn(folder / "own.csv", "--keypoints", "dataset22", "--weight", 20, "-o", out)
    assert many.code == ExitCode.USAGE
    assert "--body-length and --weight" in many.err
    nowhere = learn(
        folder / "own.csv", "--keypoints", "dataset22", "-o", tmp_path / "no" / "x.toml"
    )
    assert nowhere.code == ExitCode.USAGE
    assert "the folder is not there" in nowhere.err
    none = learn(folder / "own.csv", "--keypoints", "treadmill6_left", "-o", out)
    assert none.code == ExitCode.FAILED
    assert "are keypoints of the map" in none.err
    assert not out.exists()
