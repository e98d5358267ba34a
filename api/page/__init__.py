"""The town's own page, for residents and visitors: rendered here, and kept up to date by its scripts."""
