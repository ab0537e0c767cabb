"""One surface laid on another; a body laid on a scan."""
