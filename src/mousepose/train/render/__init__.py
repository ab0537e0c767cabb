"""Rendered mice: the body model's skin with fur, in cages, seen by cameras, with its keypoints."""
