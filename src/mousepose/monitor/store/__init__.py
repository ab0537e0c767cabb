"""What the monitor finds, in files: written whole, read as tables, put together, thrown away."""
