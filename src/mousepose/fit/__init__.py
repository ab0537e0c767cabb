"""The fit: energy terms, the compiled solver and its NumPy oracle, time, shape, uncertainty."""
