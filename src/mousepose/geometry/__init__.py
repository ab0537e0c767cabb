"""Rotations, cameras and triangulation. Knows no mice; see each module for its formulas."""
