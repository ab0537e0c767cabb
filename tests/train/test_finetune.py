"""Frames worth labelling are doubtful and unlike; weights come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mousepose.errors import FileError, InputError
from mousepose.train.finetune import choose_frames, likeness_features


def test_doubtful_frames_come_first_and_no_two_alike() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(4), 10)
    features = 10.0 * np.eye(4)[groups] + random.normal(0, 0.01, (40, 4))
    doubt = np.full(40, 0.2)
    doubt[[3, 17, 25, 38]] = 0.9
    assert choose_frames(doubt, features, 4).tolist() == [3, 17, 25, 38]
    alike = choose_frames(np.full(40, 0.5), features, 4)
    assert sorted(groups[alike]) == [0, 1, 2, 3]
    assert len(set(choose_frames(doubt, np.zeros((40, 4)), 40).tolist())) == 40
    with pytest.raises(InputError, match="41 frames cannot be chosen of 40"):
        choose_frames(doubt, features, 41)


def test_crops_are_compared_by_picture_and_pose_whatever_the_light() -> None:
    random = np.random.default_rng(1)
    crops = random.integers(20, 120, (3, 32, 32), np.uint8)
    xy = random.uniform(0, 32, (3, 5, 2))
    plain = likeness_features(crops, xy)
    brighter = likeness_features((1.5 * crops + 20).astype(np.uint8), xy)
    np.testing.assert_allclose(plain, brighter, atol=0.05)
    moved = likeness_features(crops, xy + 8)
    assert np.linalg.norm(moved - plain, axis=1).min() > 0.5
    assert np.isfinite(likeness_features(crops, np.full((3, 5, 2), np.nan))).all()


def test_weights_come_back(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="weights are those of torch")
    from mousepose.train.model import KeypointNetwork, NetworkSize
    from mousepose.train.model_file import read_weights, weights_beside, write_weights

    torch.manual_seed(0)
    network = KeypointNetwork(NetworkSize((8, 8, 8), (0, 1), 8)).eval()
    path = weights_beside(tmp_path / "net.onnx")
    write_weights(path, network)
    again = read_weights(path).eval()
    images, view = torch.rand(2, 1, 32, 32) * 255, torch.zeros(2, 3)
    for one, other in zip(network(images, view), again(images, view), strict=True):
        assert torch.equal(one, other)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FileError, match=r"net\.weights\.npz: no weights of a keypoint network"):
        read_weights(path)
    with pytest.raises(FileError, match="there is no such file"):
        read_weights(tmp_path / "none.npz")
