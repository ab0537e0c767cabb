"""Scans in and out: DICOM, NIfTI and TIFF, in RAS millimetres."""
