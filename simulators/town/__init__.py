"""A simulated Lillestrøm: the town as data, physics as code, scenarios, faults, and their ground truth."""
