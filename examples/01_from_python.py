"""A walking mouse seen by one camera, reconstructed and compared with its truth, from Python."""

from mousepose import Scale, default_body, reconstruct, write_sequence
from mousepose.report import compare_with_truth, plot_overview
from mousepose.simulate import observe, walking_mouse, watching_camera

body, camera = default_body(), watching_camera()
walk = walking_mouse(body, seconds=4, stride_length_mm=45)
keypoints = observe(body, walk.pose, walk.times, camera, noise_px=2, occluded_feet=0.3)

sequence = reconstruct(keypoints, camera, scale=Scale.floor())

truth = walk.sequence(body)
write_sequence("walk.parquet", sequence)
plot_overview(keypoints, sequence, "walk.png", body=body, image_size=camera.size, truth=truth)
print(f"mean error {compare_with_truth(sequence, truth.keypoints).root:.1f} mm, root-aligned")
