"""Runs under MicroPython: a broker that hangs up between two packs ends the connection, not the agent."""

import sys
import time

from boards.unix import Board
from node.mqtt import Client

settings = {"host": "127.0.0.1", "port": int(sys.argv[1]), "keepalive": 20}
client = Client(settings, Board({}), "bypuls/v1/node/", bytearray(200), bytearray(200), print)
client.name = "node"
while not client.ready:
    client.step()
    client.status = b"{}"
time.sleep(0.5)  # now it hangs up
for _ in range(2):  # at the latest the second one meets a connection that is known to be dead
    if client.up:
        client.publish(10)
        time.sleep(0.1)
assert not client.up
while not client.ready:
    client.step()
assert client.number == 2, client.number
