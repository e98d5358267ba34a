"""What runs at the sensors: `edge.pi` on a Raspberry Pi or another Linux, `edge/micropython` on boards."""
