"""Day and night: cages in, pose, gait and behaviour in a store that is queried while it grows."""
