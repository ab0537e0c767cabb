"""Files of cameras: calibrations in and out."""
