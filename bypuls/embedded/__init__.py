"""The platform on one machine with nothing installed beforehand: `bypuls up`."""
