"""Networks that find a mouse and its keypoints: what they learn from, and how they learn it."""
