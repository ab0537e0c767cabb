"""CT scans of mice that never lived, with their truth."""
