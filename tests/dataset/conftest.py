"""What the tests of the data set share."""

from labelled_frames import make_multiview, make_records  # noqa: F401  fixtures
