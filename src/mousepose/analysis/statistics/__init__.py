"""Statistics of gait and behaviour in which the animal is the unit: see `docs/statistics.md`."""
