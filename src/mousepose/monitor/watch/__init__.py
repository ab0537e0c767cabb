"""The room watched: a page of all cages and of each, metrics, health, and alerts."""
