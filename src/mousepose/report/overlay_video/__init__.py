"""Poses drawn on the frames of their video: a film in, a film of the same times out."""
