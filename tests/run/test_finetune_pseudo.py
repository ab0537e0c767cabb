"""Labels from the 3D fit of a video: the truth where it is sure, and nothing elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mousepose import default_body
from mousepose.errors import FileError, InputError
from mousepose.run import finetune_pseudo
from mousepose.run.demo_film import film
from mousepose.run.finetune_labels import Limits, drawn_back, labels_of_fit
from mousepose.run.finetune_pseudo import PseudoJob, write_pseudo_labels
from mousepose.simulate import SimulatedWalk, walking_mouse, watching_camera
from mousepose.train.samples import HIDDEN, UNLABELLED, VISIBLE, SampleFolder
from mousepose.types import Keypoints2D, PoseSequence, State, Status

FRAMES = 30
CAMERA = watching_camera(distance_mm=520.0, elevation_deg=62.0, focal_px=165.0, size=(140, 140))


@pytest.fixture(scope="module")
def walk() -> SimulatedWalk:
    return walking_mouse(default_body(), FRAMES / 20, 20.0, turn_radius_mm=90.0)


@pytest.fixture(scope="module")
def truth(walk: SimulatedWalk) -> PoseSequence:
    sequence = walk.sequence(default_body())
    covariance = np.broadcast_to(np.eye(3) * 1.0, (*sequence.keypoints.shape, 3)).copy()
    return replace(sequence, covariance=covariance)


@pytest.fixture
def seen(truth: PoseSequence) -> Keypoints2D:
    """What a network saw: the truth, but for LEFT_KNEE, lost, and NOSE, surely wrong at times."""
    xy = CAMERA.project(truth.keypoints)[:, None] + np.random.default_rng(0).normal(
        0, 0.2, (len(truth), 1, len(truth.keypoint_names), 2)
    )
    sure = np.full(xy.shape[:3], 0.9)
    names = list(truth.keypoint_names)
    sure[:, 0, names.index("LEFT_KNEE")] = 0.05
    xy[:, 0, names.index("LEFT_KNEE")] += 30
    xy[::3, 0, names.index("NOSE")] += 15
    return Keypoints2D(xy, sure, truth.times, truth.frame_numbers, truth.keypoint_names)


def test_spread_in_the_picture_is_that_of_drawn_points(truth: PoseSequence) -> None:
    random = np.random.default_rng(1)
    covariance = np.diag([4.0, 1.0, 9.0])
    one = replace(truth, covariance=np.broadcast_to(covariance, truth.covariance.shape).copy())
    xy, spread = drawn_back(one, CAMERA)
    np.testing.assert_allclose(xy, CAMERA.project(truth.keypoints))
    drawn = random.multivariate_normal(truth.keypoints[3, 5], covariance, 4000)
    pixels = np.cov(CAMERA.project(drawn).T)
    assert spread[3, 5] == pytest.approx(np.sqrt(np.linalg.eigvalsh(pixels)[-1]), rel=0.05)
    turn = CAMERA.rotation
    as_seen = replace(one, keypoints=CAMERA.to_camera(truth.keypoints), frame="camera",
                      covariance=turn @ one.covariance @ turn.T)  # fmt: skip
    for here, there in zip(drawn_back(as_seen, CAMERA), (xy, spread), strict=True):
        np.testing.assert_allclose(here, there, atol=1e-9)


def test_what_was_lost_is_labelled_and_what_is_contradicted_is_not(
    seen: Keypoints2D, truth: PoseSequence
) -> None:
    labels = labels_of_fit(seen, truth, CAMERA, Limits(best=1.0))
    names = list(truth.keypoint_names)
    knee, nose = names.index("LEFT_KNEE"), names.index("NOSE")
    assert (labels.state[:, knee] == HIDDEN).all()
    np.testing.assert_allclose(labels.xy[:, knee], CAMERA.project(truth.keypoints[:, knee]))
    assert (labels.state[::3, nose] == UNLABELLED).all() and (labels.state[1::3, nose] == 2).all()
    assert np.isnan(labels.xy[::3, nose]).all()
    assert labels.kept.all() and VISIBLE == 2
    assert ((labels.state > UNLABELLED) == np.isfinite(labels.xy).all(-1)).all()


def test_unsure_points_and_badly_fitted_frames_are_left_out(
    seen: Keypoints2D, truth: PoseSequence
) -> None:
    covariance = truth.covariance.copy()
    covariance[:, 4] *= 900.0
    status = truth.report.status.copy()
    status[2] = Status.POOR
    state = truth.state.copy()
    state[2] = State.ABSENT
    fitted = replace(truth, covariance=covariance, state=state,
                     report=replace(truth.report, status=status))  # fmt: skip
    seen.xy[7] += 8.0
    labels = labels_of_fit(seen, fitted, CAMERA, Limits(best=0.7))
    assert np.isnan(labels.xy[:, 4]).all() and np.isfinite(labels.xy[3, 5]).all()
    assert not labels.kept[[2, 7]].any()
    assert labels.kept.sum() == pytest.approx(0.7 * FRAMES, abs=2)


def test_other_points_and_limits_are_told(seen: Keypoints2D, truth: PoseSequence) -> None:
    with pytest.raises(InputError, match="not those that were fitted"):
        labels_of_fit(replace(seen, keypoint_names=seen.keypoint_names[::-1]), truth, CAMERA)
    empty = replace(truth.report, status=np.full(FRAMES, Status.FAILED, np.uint8))
    with pytest.raises(InputError, match="solved no frame"):
        labels_of_fit(seen, replace(truth, report=empty), CAMERA)
    with pytest.raises(InputError, match="spread: expected more than 0"):
        Limits(spread=0)
    with pytest.raises(InputError, match="shares"):
        Limits(sure=1.5)


def test_a_film_becomes_samples_that_show_the_truth(
    walk: SimulatedWalk, truth: PoseSequence, seen: Keypoints2D, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = film(walk, CAMERA, tmp_path / "film.mp4", lambda *_: None)
    monkeypatch.setattr(finetune_pseudo, "predict", lambda job, progress: None)
    monkeypatch.setattr(finetune_pseudo, "load_keypoints", lambda path: seen)
    job = PseudoJob(made.video, tmp_path / "learnt", tmp_path / "none.onnx", 8, "top", CAMERA,
                    limits=Limits(best=1.0))  # fmt: skip
    done = write_pseudo_labels(job, lambda *_: None)
    assert done.samples == 8 and done.seen == FRAMES and done.points > 10
    samples = next(iter(SampleFolder(job.output)))
    assert samples.images.shape == (8, 128, 128) and (samples.view == 1).all()
    names = list(truth.keypoint_names)
    middle = samples.xy[:, names.index("SPINE_MID")]
    rows, columns = np.rint(middle[:, 1]).astype(int), np.rint(middle[:, 0]).astype(int)
    on_the_mouse = samples.images[np.arange(8), rows, columns]
    assert on_the_mouse.min() > np.median(samples.images)
    with pytest.raises(FileError, match="is there already"):
        replace(job)
