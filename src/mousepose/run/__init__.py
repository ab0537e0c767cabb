"""Recordings of any length reconstructed in flat memory, in parts that survive an interruption."""
