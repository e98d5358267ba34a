"""Sensors: one module each, one line each in `edge.pi.sensors.registry`."""
