"""Files of 2D keypoints: one reader for each format, one door for all."""
