"""Stand-ins for hardware: a simulated town, and recordings replayed as nodes would publish them."""
