"""The record of every segment, in SQL: what was seen, what is done with it, which files count."""
