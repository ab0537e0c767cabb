"""Health attributes of animals told from how they move: compared, tested and with intervals."""
