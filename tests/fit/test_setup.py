"""Configs, scales and setups: what they refuse, and what they say made a result metric."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.prior import PosePrior
from mousepose.errors import CameraError, InputError, ModelError, UnknownNameError
from mousepose.fit.arrays import TERMS
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import pinhole
from synthetic import make_setup, ring


@pytest.mark.parametrize(
    ("scale", "source"),
    [
        (Scale.none(), "none"),
        (Scale(), "none"),
        (Scale.model(), "model"),
        (Scale.body_length(90.0), "body_length 90 mm"),
        (Scale.weight(24.5), "weight 24.5 g"),
        (Scale.bone("LEFT_KNEE", 15.7), "bone LEFT_KNEE 15.7 mm"),
        (Scale.floor(), "floor"),
        (Scale.camera_height(350.0), "camera_height 350 mm"),
    ],
)
def test_a_scale_says_what_it_is(scale: Scale, source: str) -> None:
    assert str(scale) == source
    assert make_setup(ring(1, floor=True), scale=scale).scale_source == source


def test_several_cameras_are_their_own_scale() -> None:
    assert make_setup(2, scale=Scale.none()).scale_source == "cameras"


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_scale_that_is_no_length_is_refused(value: float) -> None:
    for make in (Scale.body_length, Scale.weight, Scale.camera_height):
        with pytest.raises(InputError, match="expected a number above 0"):
            make(value)
    with pytest.raises(InputError, match="expected a number above 0"):
        Scale.bone("NOSE", value)


@pytest.mark.parametrize("scale", [Scale.floor(), Scale.camera_height(300.0)], ids=str)
def test_a_floor_scale_needs_a_floor(scale: Scale) -> None:
    with pytest.raises(InputError, match="floor_plane"):
        make_setup(1, scale=scale)
    assert make_setup(ring(1, floor=True), scale=scale).floor() is not None


def test_a_bone_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="LEFT_KNEE"):
        make_setup(1, scale=Scale.bone("LEFT_KNE", 16.0)).first_shape()
    with pytest.raises(InputError, match="root"):
        make_setup(1, scale=Scale.bone("SPINE_SHOULDER", 16.0)).first_shape()


def test_the_first_shape_has_the_size_that_the_scale_gives() -> None:
    def lengths(scale: Scale) -> Any:
        setup = make_setup(1, scale=scale)
        bones = np.linalg.norm(setup.body.bone_vectors, axis=1)
        return bones * setup.body.bone_scale(setup.first_shape())

    body = default_body()
    knee = body.skeleton.index("LEFT_KNEE")
    assert lengths(Scale.bone("LEFT_KNEE", 20.0))[knee] == pytest.approx(20.0)
    np.testing.assert_allclose(
        lengths(Scale.body_length(100.0)), 1.25 * lengths(Scale.body_length(80.0))
    )
    np.testing.assert_allclose(lengths(Scale.weight(8 * 20)), 2 * lengths(Scale.weight(20)))
    np.testing.assert_allclose(lengths(Scale.weight(25.0)), lengths(Scale.none()))
    np.testing.assert_allclose(
        lengths(Scale.model()), np.linalg.norm(body.bone_vectors, axis=1), atol=1e-12
    )


def test_the_height_of_the_camera_places_the_floor() -> None:
    camera = ring(1, floor=True)[0]
    plane = make_setup(camera, scale=Scale.camera_height(300.0)).floor()
    assert plane is not None
    assert plane[:3] @ camera.position + plane[3] == pytest.approx(300.0)
    np.testing.assert_allclose(plane[:3], [0, 0, 1])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pixel_sigma", 0.0),
        ("pixel_sigma", np.inf),
        ("pixel_sigma", np.nan),
        ("robust", 0.0),
        ("prior_weight", -1.0),
        ("prior_weight", np.inf),
        ("limit_sigma", 0.0),
        ("floor_sigma", np.nan),
        ("min_confidence", 1.5),
        ("min_confidence", np.nan),
        ("min_keypoints", 2),
        ("iterations", 0),
        ("window", 1),
        ("overlap", -1),
        ("longest_gap", -0.1),
        ("longest_gap", np.nan),
        ("prior", "learnt"),
        ("report", "joints"),
    ],
)
def test_settings_that_make_no_sense_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"config .*{field}"):
        FitConfig(**{field: value})


def test_settings_switch_terms_off() -> None:
    off = make_setup(1, FitConfig(limits=False, robust=np.inf)).weights()
    assert off.limit == 0.0
    assert np.isfinite(off.robust)
    assert off.robust > 1e20
    assert not make_setup(ring(1, floor=True), FitConfig(floor=False)).views().floor_known
    assert make_setup(ring(1, floor=True)).views().floor_known
    assert len(TERMS) == 4


def test_a_setup_needs_a_camera_and_a_prior_of_its_body() -> None:
    with pytest.raises(InputError, match="camera"):
        Setup.of(())
    body = default_body()
    prior = PosePrior.isotropic(body)
    shorter = replace(
        prior,
        mean=prior.mean[:18],
        basis=prior.basis[:18],
        joint_names=prior.joint_names[:18],
    )
    with pytest.raises(ModelError, match="18 joints"):
        make_setup(1, prior=shorter)


def test_a_camera_with_a_rotation_that_is_none_is_refused() -> None:
    transform = np.eye(4)
    transform[0, 0] = 2.0
    with pytest.raises(CameraError, match="no rotation"):
        replace(pinhole((640, 480), 500.0), T_camera_world=transform)


def test_the_frame_of_reference_is_the_camera_or_the_world() -> None:
    assert Setup.of(pinhole((640, 480), 500.0)).frame == "camera"
    assert make_setup(1).frame == "world"
    assert make_setup(2).frame == "world"


def test_a_body_of_ones_own_gets_a_prior_that_knows_nothing() -> None:
    setup = Setup.of(pinhole((640, 480), 500.0), default_body())
    assert setup.prior.coordinates == default_body().free.sum()
