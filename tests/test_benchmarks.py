"""The benchmarks measure what they say: scorer, problem files, linear model, figures, page."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def benchmark(name: str) -> Any:
    """Import a module of the folder of benchmarks, which is no package."""
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module(name)


common, problem_files, scoring = map(benchmark, ("common", "problems", "scoring"))
linear = benchmark("linear_baseline")

JOINTS = ("SPINE_SHOULDER", "SPINE_MID", "ROOT_TAIL", "NOSE", "LEFT_KNEE", "RIGHT_KNEE")
MATRIX = np.array([[400.0, 0.0, 320.0], [0.0, 400.0, 240.0], [0.0, 0.0, 1.0]])
STANDING = np.array(
    [[0, 0, 0], [-20, 0, 5], [-55, 0, -5], [28, 0, -6], [-30, 13, -12], [-30, -13, -12]], float
)


def random_rotation(random: np.random.Generator) -> np.ndarray:
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    return turn * np.sign(np.linalg.det(turn))


def problem_arrays(count: int = 12, seed: int = 0) -> dict[str, Any]:
    """A file of views of a mouse that bends a little, everything seen and scored."""
    random = np.random.default_rng(seed)
    turns = np.stack([random_rotation(random) for _ in range(count)])
    truth = (STANDING + random.normal(0, 2, (count, *STANDING.shape))) @ turns.swapaxes(1, 2)
    truth += random.normal([0, 0, 400], [30, 30, 20], (count, 3))[:, None]
    return {
        "points_px": truth[..., :2] / truth[..., 2:] * 400 + [320, 240],
        "weight": np.ones((count, len(JOINTS))),
        "K": MATRIX,
        "image_size_wh": np.array([640, 480]),
        "truth_mm": truth,
        "scored": np.ones((count, len(JOINTS)), bool),
        "joint_names": np.array(JOINTS),
        "sequence": np.arange(count),
        "times_s": np.full(count, np.nan),
        "body_length_mm": np.array(83.0),
        "sigma_px": np.zeros(count),
    }


@pytest.fixture
def make_problems(tmp_path: Path) -> Callable[..., Any]:
    """Write a problem file with some arrays changed (None: left out) and load it."""

    def make(**changes: Any) -> Any:
        arrays = {k: v for k, v in (problem_arrays() | changes).items() if v is not None}
        np.savez(tmp_path / "views.npz", **arrays)
        return problem_files.load_problems(tmp_path / "views.npz")

    return make


# Scoring ----------------------------------------------------------------------------------------


def naive_alignment(source: np.ndarray, target: np.ndarray, scale: bool) -> np.ndarray:
    """Umeyama's method for one set of points, as its paper writes it."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    s = np.diag([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = u @ s @ vt
    factor = np.trace(np.diag(d) @ s) / (a**2).sum(1).mean() if scale else 1.0
    return factor * a @ turn.T + target.mean(0)


def naive_score(problems: Any, joints: np.ndarray, covariance: np.ndarray) -> dict[str, float]:
    """The same figures, one problem after the other."""
    trunk = np.array([name in scoring.TRUNK for name in problems.joint_names])
    errors: dict[str, list[float]] = {}
    root, mirrored, inside = [], [], {True: [], False: []}
    solved = 0
    for i in range(len(problems)):
        use = problems.scored[i] & np.isfinite(problems.truth[i]).all(1)
        p, t = joints[i][use], problems.truth[i][use]
        if not np.isfinite(p).all():
            continue
        solved += 1
        distance = {
            "camera": p - t,
            "root": (p - joints[i][0]) - (t - problems.truth[i][0]),
            "rigid": naive_alignment(p, t, False) - t,
            "similarity": naive_alignment(p, t, True) - t,
        }
        for kind, difference in distance.items():
            length = np.linalg.norm(difference, axis=1)
            for part, members in (("all", use), ("trunk", use & trunk), ("limbs", use & ~trunk)):
                errors.setdefault(f"{kind}.{part}", []).append(length[members[use]].mean())
        root.append(errors["root.all"][-1])
        a, b = p - p.mean(0), t - t.mean(0)
        flipped = np.linalg.norm(a * [1, 1, -1] - b, axis=1).mean()
        mirrored.append(flipped < np.linalg.norm(a - b, axis=1).mean())
        for j in np.flatnonzero(use):
            d = joints[i, j] - problems.truth[i, j]
            near = d @ np.linalg.inv(covariance[i, j]) @ d < 6.251
            inside[bool(problems.seen[i, j])].append(near)
    result = {name: float(np.mean(values)) for name, values in errors.items()}
    return result | {
        "root_median": float(np.median(root)),
        "root_p90": float(np.percentile(root, 90)),
        "mirrored_percent": 100 * float(np.mean(mirrored)),
        "over_30mm_percent": 100 * float(np.mean(np.array(root) > 30)),
        "solved": solved,
        "unsolved": len(problems) - solved,
        "inside_90_percent_region": 100 * float(np.mean(inside[True] + inside[False])),
        "inside_90_percent_region_seen": 100 * float(np.mean(inside[True])),
        "inside_90_percent_region_inferred": 100 * float(np.mean(inside[False])),
    }


def hard_case(make_problems: Callable[..., Any]) -> tuple[Any, np.ndarray, np.ndarray]:
    """Noise, a mirrored fit, a lost one, two unsolved, joints unscored, unlabelled and unseen."""
    arrays = problem_arrays()
    random = np.random.default_rng(3)
    arrays["scored"][0, 4] = False
    arrays["truth_mm"][1, 5] = np.nan
    arrays["points_px"][:6, 3] = np.nan
    arrays["weight"][7, 2] = 0.0
    problems = make_problems(**arrays)
    joints = np.nan_to_num(problems.truth) + random.normal(0, 3, problems.truth.shape)
    joints[0, 4] = np.nan  # not scored, so no harm
    joints[2] = (joints[2] - joints[2].mean(0)) * [1, 1, -1] + joints[2].mean(0)
    joints[3, 1:] += 60.0
    joints[4, 2] = np.nan
    joints[5] = np.nan
    factor = random.normal(0, 2, (*joints.shape, 3))
    return problems, joints, factor @ factor.swapaxes(-1, -2) + 6 * np.eye(3)


def test_the_scorer_agrees_with_one_problem_after_the_other(
    make_problems: Callable[..., Any],
) -> None:
    problems, joints, covariance = hard_case(make_problems)
    figures = common.flatten(scoring.score_problems(problems, joints, covariance))
    expected = naive_score(problems, joints, covariance)
    assert figures.keys() == expected.keys()
    for name, value in expected.items():
        tolerance = 0.051 if "percent" in name else 6e-4  # it rounds
        assert figures[name] == pytest.approx(value, abs=tolerance), name
    assert expected["mirrored_percent"] > 0
    assert expected["over_30mm_percent"] > 0


def test_the_truth_scores_zero_and_its_mirror_image_is_found(
    make_problems: Callable[..., Any],
) -> None:
    problems = make_problems()
    perfect = scoring.score_problems(problems, problems.truth)
    assert perfect["camera"] == perfect["similarity"] == {"all": 0.0, "trunk": 0.0, "limbs": 0.0}
    assert perfect["mirrored_percent"] == 0.0
    mirrored = scoring.score_problems(problems, problems.truth * [1, 1, -1])
    assert mirrored["mirrored_percent"] == 100.0
    assert mirrored["rigid"]["all"] > 1.0


def test_each_alignment_removes_what_it_says(make_problems: Callable[..., Any]) -> None:
    problems = make_problems()
    turn = random_rotation(np.random.default_rng(1))
    shifted = scoring.score_problems(problems, problems.truth + [3.0, 0.0, 4.0])
    assert (shifted["camera"]["all"], shifted["root"]["all"]) == (5.0, 0.0)
    turned = scoring.score_problems(problems, problems.truth @ turn + 7.0)
    assert turned["root"]["all"] > 1.0
    assert turned["rigid"]["all"] == 0.0
    grown = scoring.score_problems(problems, 1.3 * problems.truth @ turn)
    assert grown["rigid"]["all"] > 1.0
    assert grown["similarity"]["all"] == 0.0


def test_nothing_solved_has_no_errors_but_is_counted(make_problems: Callable[..., Any]) -> None:
    problems = make_problems()
    nothing = np.full_like(problems.truth, np.nan)
    result = scoring.score_problems(problems, nothing, np.full((*nothing.shape, 3), np.nan))
    assert (result["solved"], result["unsolved"]) == (0, len(problems))
    assert np.isnan(result["rigid"]["limbs"])
    assert np.isnan(result["inside_90_percent_region"])


def test_regions_of_true_covariances_hold_ninety_percent() -> None:
    random = np.random.default_rng(0)
    factor = random.normal(size=(20_000, 3, 3))
    covariance = factor @ factor.swapaxes(-1, -2) + 0.1 * np.eye(3)
    draws = (np.linalg.cholesky(covariance) @ random.normal(size=(20_000, 3, 1)))[..., 0]
    inside = scoring.squared_distance(draws, covariance) < scoring.CHI_SQUARE_90
    assert inside.mean() == pytest.approx(0.9, abs=0.01)
    assert np.isnan(scoring.squared_distance(np.ones(3), np.zeros((3, 3))))


# Problem files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truth_mm": None}, "lacks truth_mm"),
        ({"truth_mm": np.zeros((12, 5, 3))}, r"truth_mm: expected \(12, 6, 3\), got \(12, 5, 3\)"),
        ({"scored": np.zeros((12, 6), bool)}, "every problem needs a scored joint"),
        ({"body_length_mm": np.array(np.nan)}, "expected a positive length"),
        ({"rest_mm": STANDING}, "expected both or neither"),
        ({"joint_names": np.array([{"an": "object"}])}, "cannot be read"),
    ],
)
def test_a_bad_problem_file_is_told(
    make_problems: Callable[..., Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(common.CannotMeasure, match=message):
        make_problems(**changes)


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(common.CannotMeasure, match="does not exist"):
        problem_files.load_problems(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no zip", encoding="utf-8")
    with pytest.raises(common.CannotMeasure, match="cannot be read"):
        problem_files.load_problems(tmp_path / "text.npz")


def test_optional_fields_may_be_missing(make_problems: Callable[..., Any]) -> None:
    problems = make_problems(sigma_px=None)
    assert (problems.sigma == problem_files.USUAL_SIGMA_PX).all()
    assert not problems.exact_skeleton
    assert problems.marked == JOINTS
    assert problems.seen.all()


# The linear model -------------------------------------------------------------------------------


def test_the_linear_model_finds_views_of_its_own_poses(make_problems: Callable[..., Any]) -> None:
    problems = make_problems()
    random = np.random.default_rng(9)
    model = linear.learn(JOINTS, STANDING + random.normal(0, 2, (60, *STANDING.shape)), 8)
    result = scoring.score_problems(problems, linear.fit(model, problems))
    assert result["solved"] == len(problems)
    assert result["rigid"]["all"] < 3.0  # a pose wanders 2 mm an axis, half of it unseen
    assert result["root_median"] < 5.0


def test_the_linear_model_does_not_mind_where_its_poses_stood() -> None:
    random = np.random.default_rng(2)
    poses = STANDING + random.normal(0, 2, (30, *STANDING.shape))
    moved = poses @ random_rotation(random).T + [100.0, -50.0, 7.0]
    here, there = (linear.learn(JOINTS, each, 5) for each in (poses, moved))
    np.testing.assert_allclose(there.mean, here.mean, atol=1e-9)
    variance = [np.abs(np.einsum("kmi,kmj->mij", m.basis, m.basis)) for m in (here, there)]
    np.testing.assert_allclose(*variance, atol=1e-9)
    assert abs(here.mean[0, 1]) < 1e-9  # mirrored copies put the midline on the midplane


def test_scored_poses_are_not_learned_from(make_problems: Callable[..., Any]) -> None:
    problems = make_problems()
    others = STANDING + np.random.default_rng(8).normal(0, 2, (5, *STANDING.shape))
    moved = problems.truth[[3, 7]] @ random_rotation(np.random.default_rng(4)) + 11.0
    same = linear._same_poses(np.concatenate([others, moved]), problems.truth)
    np.testing.assert_array_equal(same, [False] * 5 + [True] * 2)


def test_the_linear_model_on_real_mice(shared_data: Callable[[str], Path]) -> None:
    """The figures of the slow, one-view-at-a-time version of this baseline, reproduced."""
    data = shared_data("dannce_mouse1").parent
    path = data.parent / "bench" / "real_mouse1_noise2.npz"
    if not path.exists():
        pytest.skip("no real views: real_mouse1_noise2.npz is not beside the recordings")
    problems = problem_files.load_problems(path)
    names, poses, left_out = linear.labelled_poses(data, problems)
    assert (len(poses), left_out) == (47, 17)  # the fully labelled ones of 61, and of 20
    result = scoring.score_problems(problems, linear.fit(linear.learn(names, poses), problems))
    assert result["root"]["all"] == pytest.approx(4.94, abs=0.02)
    assert result["rigid"]["all"] == pytest.approx(3.26, abs=0.02)


# Figures and the command line -------------------------------------------------------------------


def run_with(
    monkeypatch: pytest.MonkeyPatch, measured: Any, *arguments: str
) -> tuple[int, argparse.ArgumentParser]:
    parser = common.arguments("A benchmark.\n\nMore of it.")
    monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])

    def measure(options: argparse.Namespace) -> Any:
        if isinstance(measured, Exception):
            raise measured
        return measured

    return common.run(parser, measure), parser


def test_figures_go_to_the_table_and_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = common.Measured("A title", ("set", "root"))
    measured.add_row("views", 4.4321)
    measured.add_figures("views", {"root": {"all": 4.4321234567}, "solved": 12})
    measured.ran_on.append("views (12)")
    status, _ = run_with(monkeypatch, measured, "--json", str(tmp_path / "out.json"))
    printed = capsys.readouterr().out
    assert status == 0
    assert "4.43" in printed
    assert "measured on views (12)" in printed
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert document["figures"] == {"views.root.all": 4.43212, "views.solved": 12.0}
    assert document["machine"]
    assert document["version"]


@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_what_could_not_be_measured_ends_with_an_error(
    value: float | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = common.Measured("A title", ("what",))
    if value is not None:
        measured.add_figures("a", {"b": value, "c": 1.0})
    status, _ = run_with(monkeypatch, measured)
    assert status == 1
    assert ("a.b" if value is not None else "nothing") in capsys.readouterr().err


def test_missing_data_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(common.CannotMeasure, match="--data DIR") as caught:
        common.folder(tmp_path, "nothing")
    status, _ = run_with(monkeypatch, caught.value)
    assert status == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_means_of_nested_figures() -> None:
    mean = common.mean_of([{"a": {"b": 1.0}, "c": 2}, {"a": {"b": 3.0}, "c": 4}])
    assert mean == {"a": {"b": 2.0}, "c": 3.0}


# Fitting, hiding, outliers ----------------------------------------------------------------------


def test_frames_are_fitted_together_only_when_they_are_timed(
    make_problems: Callable[..., Any],
) -> None:
    fitting = benchmark("fitting")
    times = np.array([0.2, 0.1, 0.0, np.nan] * 3)
    problems = make_problems(times_s=times, sequence=np.repeat([7, 7, 9], 4))
    (alone, timed), *more = fitting.tracks(problems, through_time=False)
    assert (len(alone), timed, more) == (12, False, [])
    with pytest.raises(common.CannotMeasure, match="times repeat"):
        fitting.tracks(problems, through_time=True)
    found = fitting.tracks(replace(problems, sequence=np.arange(12) // 4), through_time=True)
    assert [(rows.tolist(), timed) for rows, timed in found] == [
        ([2, 1, 0], True), ([6, 5, 4], True), ([10, 9, 8], True), ([3, 7, 11], False),
    ]  # fmt: skip


def test_an_exact_skeleton_is_the_body(make_problems: Callable[..., Any]) -> None:
    fitting = benchmark("fitting")
    hips = np.array([[-40, 6, -3], [-40, -6, -3]])
    names = (*JOINTS, "LEFT_HIP", "RIGHT_HIP")
    turned = np.concatenate([STANDING, hips]) @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    arrays = problem_arrays()
    wide = {
        key: np.concatenate([arrays[key], arrays[key][:, :2]], axis=1)
        for key in ("points_px", "weight", "truth_mm", "scored")
    }
    parents = np.array([-1, 0, 1, 0, 0, 0, 1, 1])
    problems = make_problems(**wide, joint_names=np.array(names), rest_mm=turned, parents=parents)
    method = fitting.method_for(problems)
    np.testing.assert_array_equal(method.body.joints(method.body.rest_pose()), turned)
    np.testing.assert_array_equal(method.body.axes, [[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert method.scale.kind == "model"
    assert method.config.prior == "isotropic"


def test_half_of_the_limbs_are_hidden_from_a_joint_outwards() -> None:
    calibration = benchmark("calibration")
    names = tuple(problem_files.MARK_OF_JOINT)
    mask = calibration.hidden(names, 4000, np.random.default_rng(0))
    column = {name: mask[:, names.index(name)] for name in names}
    assert column["LEFT_FORE_PAW"].mean() == pytest.approx(0.5, abs=0.04)
    assert column["LEFT_SHOULDER"].mean() == pytest.approx(0.5 / 3, abs=0.03)
    assert (column["RIGHT_HIND_PAW"] | ~column["RIGHT_KNEE"]).all()
    assert not column["NOSE"].any()


def test_outliers_strike_the_same_few_points(make_problems: Callable[..., Any]) -> None:
    ablation = benchmark("ablation")
    problems = make_problems(**problem_arrays(count=400))
    struck = ablation.with_outliers(problems)
    moved = (struck.points != problems.points).any(axis=-1)
    assert moved.mean() == pytest.approx(0.05, abs=0.02)
    np.testing.assert_array_equal(struck.points, ablation.with_outliers(problems).points)


# The page ---------------------------------------------------------------------------------------


def made_up_documents(write_docs: Any) -> dict[str, dict[str, Any]]:
    documents = {}
    for section in write_docs.SECTIONS:
        keys = section.rows.values() or [f"a_set.{key}" for key in section.columns.values()]
        figures = {key: 1.5 for key in keys}
        documents[section.name] = {
            "figures": figures, "ran_on": ["a set"], "machine": "a machine", "version": "1",
        }  # fmt: skip
    documents["speed"]["figures"] |= {"fit.per_second": 6001.0, "start_seconds": 1.6}
    return documents


def test_the_page_tells_every_figure_and_every_goal_missed() -> None:
    write_docs = benchmark("write_docs")
    text = write_docs.page(made_up_documents(write_docs))
    assert "| frames a second, the solver from a rough start | 6,001 |" in text
    assert "| speed: `fit.per_second` | >= 6,000 | 6,001 | yes |" in text
    assert "| speed: `start_seconds` | <= 1.5 | 1.6 | **no** |" in text
    assert "| accuracy: `real_mouse1_noise2.root.all` | <= 4.5 |  | not measured |" in text
    assert text.count("| a_set | 1.5 |") == sum(bool(s.columns) for s in write_docs.SECTIONS)


def test_the_committed_page_is_up_to_date() -> None:
    write_docs = benchmark("write_docs")
    if not write_docs.PAGE.exists():
        pytest.skip("no page was written yet")
    assert write_docs.PAGE.read_text(encoding="utf-8") == write_docs.page(
        write_docs.load_documents()
    )
