"""The Mouse Pose Analysis Dataset: its records, frames and views, with no TensorFlow."""
