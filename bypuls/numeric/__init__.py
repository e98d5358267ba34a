"""The vectorised numpy core: arrays in, arrays out; imports numpy and nothing of the platform."""
