"""From many animals to one body: skin weights, components, regressions."""
