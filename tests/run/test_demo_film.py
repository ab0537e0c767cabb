"""The film of the demonstration shows what its truth says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mousepose import default_body
from mousepose.run.demo_film import film
from mousepose.simulate import walking_mouse, watching_camera
from mousepose.video import open_video


def test_the_mouse_is_where_the_truth_says(tmp_path: Path) -> None:
    walk = walking_mouse(default_body(), 0.2, 20.0, turn_radius_mm=90.0)
    camera = watching_camera(distance_mm=520.0, elevation_deg=62.0, focal_px=165.0, size=(140, 140))
    told: list[int] = []
    made = film(walk, camera, tmp_path / "film.mp4", lambda stage, done, total: told.append(done))
    with open_video(made.video) as video:
        images = np.stack([frame.image for frame in video.frames()])
        assert np.allclose(video.times, walk.times, atol=1e-3)
    assert told == list(range(1, len(walk) + 1))
    names = list(made.truth.keypoint_names)
    trunk = [names.index(name) for name in ("SPINE_SHOULDER", "SPINE_MID", "SPINE_HIP")]
    pixels = camera.project(made.truth.keypoints[:, trunk]).round().astype(int)
    frames = np.arange(len(walk))[:, None]
    on_the_mouse = images[frames, pixels[..., 1], pixels[..., 0]]
    assert on_the_mouse.min() > np.quantile(images, 0.95)
    assert np.allclose(made.truth.keypoints, walk.sequence(default_body()).keypoints)
