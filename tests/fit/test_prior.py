"""The pose prior as a file, and what the shipped one says of mice."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.prior import Components, PosePrior, load_prior
from mousepose.errors import FileError, ModelError


@pytest.fixture(scope="module")
def prior() -> PosePrior:
    return load_prior()


def test_a_prior_survives_its_file(prior: PosePrior, tmp_path: Path) -> None:
    path = tmp_path / "prior.npz"
    prior.save(path, {"note": "more"})
    again = load_prior(path)
    for field in fields(PosePrior):
        have, want = getattr(again, field.name), getattr(prior, field.name)
        if isinstance(want, np.ndarray):
            np.testing.assert_array_equal(have, want)
        else:
            assert have == want, field.name


class Dangerous:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("the file was unpickled",))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "prior.npz"
    path.write_bytes(pickle.dumps(Dangerous()))
    with pytest.raises(FileError, match="not a prior file"):
        load_prior(path)
    np.savez(path, header=np.array([Dangerous()], object))
    with pytest.raises(FileError, match="not a prior file"):
        load_prior(path)


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut", bytes(1000)])
def test_garbage_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "prior.npz"
    path.write_bytes(content)
    with pytest.raises(FileError, match="prior.npz"):
        load_prior(path)


def test_a_prior_that_is_cut_anywhere_is_refused(prior: PosePrior, tmp_path: Path) -> None:
    path = tmp_path / "prior.npz"
    prior.save(path)
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(FileError, match="prior.npz"):
            load_prior(path)
    with pytest.raises(FileError, match="prior"):
        load_prior(tmp_path / "none.npz")


def test_a_file_of_another_version_is_told_to_be_learned_again(
    prior: PosePrior, tmp_path: Path
) -> None:
    path = tmp_path / "prior.npz"
    prior.save(path, {"format": "mousepose prior 1"})
    with pytest.raises(FileError, match="expected 'mousepose prior 2'.*learn the prior again"):
        load_prior(path)


def test_components_that_do_not_fit_are_refused(prior: PosePrior) -> None:
    pair = Components(np.array([0.5, 0.5]), np.stack([prior.mean] * 2), np.stack([prior.basis] * 2))
    with_two = replace(prior, components=pair)
    np.testing.assert_array_equal(with_two.component(0).basis, prior.basis)
    for wrong in (
        {"weights": np.ones(3)},
        {"weights": np.array([1.0, 0.0])},
        {"means": pair.means[:, :-1]},
        {"bases": np.full_like(pair.bases, np.nan)},
    ):
        with pytest.raises(ModelError, match="components"):
            replace(pair, **wrong)
    with pytest.raises(ModelError, match="components"):
        replace(prior, components=replace(pair, bases=pair.bases[..., :-1]))
    with pytest.raises(ModelError, match="one Gaussian"):
        prior.component(0)


def test_fields_that_do_not_fit_are_refused(prior: PosePrior) -> None:
    for name in ("mean", "acceleration", "inflation"):
        with pytest.raises(ModelError, match=name):
            replace(prior, **{name: getattr(prior, name)[:-1]})
        with pytest.raises(ModelError, match=name):
            replace(prior, **{name: np.full_like(getattr(prior, name), np.nan)})
    for coordinates in (0, prior.basis.shape[-1] + 1):
        with pytest.raises(ModelError, match="coordinates"):
            replace(prior, coordinates=coordinates)


def test_the_shipped_prior_fits_the_shipped_body(prior: PosePrior) -> None:
    body = default_body()
    assert prior.joint_names == body.skeleton.joint_names
    assert len(prior.shape) in (0, len(body.shape_space))
    assert not prior.basis[~body.free].any()
    assert (prior.acceleration > 0).all()
    assert (prior.inflation >= 1).all()
    assert 0 < prior.typical_length < prior.body_length
    assert prior.source
    variance = (prior.basis**2).sum((0, 1))
    assert variance[:6].sum() > 0.5 * variance.sum()  # most used first


def test_the_shipped_prior_does_not_know_left_from_right(prior: PosePrior) -> None:
    body = default_body()
    partner = np.array(body.skeleton.mirror)
    sign = np.array([-1.0, 1.0, -1.0])  # roll and yaw turn round, pitch does not
    np.testing.assert_allclose(prior.mean[partner] * sign, prior.mean, atol=1e-9)
    covariance = np.einsum("jir,kmr->jikm", prior.basis, prior.basis)
    mirrored = covariance[partner][:, :, partner] * sign[:, None, None] * sign
    np.testing.assert_allclose(mirrored, covariance, atol=1e-9)


def test_the_prior_that_knows_nothing_moves_every_free_angle_alike() -> None:
    body = default_body()
    plain = PosePrior.isotropic(body, 0.2)
    covariance = np.einsum("jir,kmr->jikm", plain.basis, plain.basis).reshape(body.free.size, -1)
    np.testing.assert_allclose(covariance, np.diag(0.04 * body.free.ravel()), atol=1e-12)
    assert plain.coordinates == body.free.sum()
