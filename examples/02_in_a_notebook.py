"""What a result can be asked in a notebook: words, tables, angles, pictures, files."""

from mousepose import Scale, default_body, reconstruct
from mousepose.simulate import observe, walking_mouse, watching_camera

body, camera = default_body(), watching_camera(distance_mm=560, elevation_deg=30)
walk = walking_mouse(body, seconds=4, stride_length_mm=45)
keypoints = observe(body, walk.pose, walk.times, camera, noise_px=2, occluded_feet=0.3)

sequence = reconstruct(keypoints, camera, scale=Scale.floor())

print(sequence)  # in a notebook the name alone shows a table
print(sequence.between(1.0, 1.1).to_dataframe()[["time_s", "NOSE_x", "NOSE_y", "NOSE_z"]])
print(sequence.joint_angles()[["left knee", "left knee sd"]].describe())
sequence.plot().savefig("sequence.png")
sequence.save("walk.parquet")
