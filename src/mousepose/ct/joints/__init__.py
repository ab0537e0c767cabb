"""Where the joints are in a skeleton."""
