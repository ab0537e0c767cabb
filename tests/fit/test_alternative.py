"""Laws of the published mixture as a prior: it replaces ours, says so, and pulls towards itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.mixture import PositionMixture
from mousepose.errors import InputError, ModelError
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera
from mousepose.method import reconstruct
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.types import Floats, Keypoints2D, Status

BODY = default_body()
CAMERA = replace(watching_camera(), floor_plane=None)
ALONE = FitConfig(prior="published", temporal=False)


def mixture_about(joints: Floats, sd: float) -> PositionMixture:
    """One Gaussian about joints (18, 3), each coordinate with an sd of a spine bone's length."""
    blank = PositionMixture(np.zeros(1), np.zeros((1, 54)), np.eye(54)[None])
    return PositionMixture(np.zeros(1), blank.normalise(joints)[None], np.eye(54)[None] / sd)


def walk() -> tuple[Floats, Keypoints2D]:
    """Keypoints of the body (T, K, 3) and what the camera sees of them."""
    mouse = walking_mouse(BODY, seconds=0.6, frames_per_second=10, seed=1)
    seen = observe(BODY, mouse.pose, mouse.times, CAMERA, noise_px=1.0, seed=1)
    return BODY.keypoints_of(mouse.pose), seen


def unlike(mixture: PositionMixture, joints: Floats) -> float:
    """How far joints (T, 18, 3) are from the mixture, as a mean squared residual."""
    return float((mixture.residual(joints) ** 2).mean())


def joints_of(points: Floats) -> Floats:
    """The 18 published joints of the body's 22 keypoints."""
    order = [BODY.keypoints.names.index(name) for name in BODY.skeleton.joint_names[:18]]
    return points[:, order]


def test_poses_are_drawn_to_the_mixture_and_stay_on_the_image() -> None:
    _, seen = walk()
    rest = BODY.joints(BODY.rest_pose())[:18]
    mixture = mixture_about(rest, 0.05)
    plain = reconstruct(seen, CAMERA, scale=Scale.model(), config=replace(ALONE, prior="isotropic"))
    drawn = reconstruct(seen, CAMERA, scale=Scale.model(), config=ALONE, mixture=mixture)
    assert (drawn.report.status == Status.OK).all()
    before = unlike(mixture, joints_of(plain.keypoints))
    assert unlike(mixture, joints_of(drawn.keypoints)) < 0.5 * before
    image = CAMERA.project(drawn.keypoints)[:, None] - seen.xy
    assert np.median(np.linalg.norm(image, axis=-1)) < 15


def test_a_wide_mixture_leaves_the_pose_to_the_image() -> None:
    _, seen = walk()
    wide = mixture_about(BODY.joints(BODY.rest_pose())[:18], 100.0)
    found = reconstruct(seen, CAMERA, scale=Scale.model(), config=ALONE, mixture=wide)
    image = np.linalg.norm(CAMERA.project(found.keypoints)[:, None] - seen.xy, axis=-1)
    assert np.median(image) < 2.5
    assert np.isfinite(found.covariance).all()
    assert (np.linalg.eigvalsh(found.covariance) > 0).all()


def test_a_tighter_mixture_is_surer() -> None:
    _, seen = walk()
    rest = BODY.joints(BODY.rest_pose())[:18]
    variances = []
    for sd in (0.05, 0.5):
        found = reconstruct(
            seen, CAMERA, scale=Scale.model(), config=ALONE, mixture=mixture_about(rest, sd)
        )
        variances.append(np.median(np.trace(found.covariance, axis1=-2, axis2=-1)))
    assert variances[0] < variances[1]


def test_the_result_names_the_mixture() -> None:
    _, seen = walk()
    rest = BODY.joints(BODY.rest_pose())[:18]
    found = [
        reconstruct(seen, CAMERA, config=ALONE, mixture=mixture_about(rest, sd)).provenance
        for sd in (0.1, 0.2)
    ]
    assert "mixture of joint positions, 1 components" in found[0]["prior"]
    assert found[0]["model_hash"] != found[1]["model_hash"]


def test_the_published_prior_without_its_file_says_which_to_give() -> None:
    with pytest.raises(InputError, match=r"load_gmm\(path\).*gmm_mixture_5"):
        Setup.of(CAMERA, config=ALONE)


def test_the_published_prior_through_time_is_refused() -> None:
    with pytest.raises(InputError, match="temporal=False"):
        FitConfig(prior="published")


def test_a_mixture_that_no_prior_uses_is_refused() -> None:
    mixture = mixture_about(BODY.rest[:18], 0.1)
    with pytest.raises(InputError, match="'published' only"):
        Setup.of(CAMERA, config=FitConfig(), mixture=mixture)


def test_a_body_of_other_joints_is_refused() -> None:
    names = BODY.skeleton.joint_names
    other = replace(BODY.skeleton, joint_names=(names[0], names[2], names[1], *names[3:]))
    body = replace(BODY, skeleton=other)
    with pytest.raises(ModelError, match="published skeleton"):
        Setup.of(CAMERA, body, config=ALONE, mixture=mixture_about(BODY.rest[:18], 0.1))


@pytest.mark.parametrize("field", ["prior", "report"])
def test_a_choice_that_does_not_exist_is_refused(field: str) -> None:
    with pytest.raises(InputError, match=f"config {field}"):
        replace(FitConfig(), **{field: "publised"})


def test_the_camera_type_is_what_setup_keeps() -> None:
    setup = Setup.of([CAMERA], config=ALONE, mixture=mixture_about(BODY.rest[:18], 0.1))
    assert isinstance(setup.cameras[0], Camera)
    assert setup.mixture is not None
