"""The routes of the API, a noun a file."""

ROOT = "/api/v1"
"""Where the data is. Each router has it as its prefix, so that a route knows its whole path."""
