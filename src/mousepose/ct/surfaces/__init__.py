"""Closed triangle surfaces: from a scan, smoothed, decimated, measured, in files."""
