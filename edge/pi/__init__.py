"""The agent for a Raspberry Pi, or any other Linux: it loses nothing that it has measured."""
