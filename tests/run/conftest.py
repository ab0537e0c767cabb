"""A short recording, and jobs on it that are quick."""

from recordings import finished, make_job, recording  # noqa: F401  fixtures
