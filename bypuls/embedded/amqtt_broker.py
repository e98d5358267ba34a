"""`python -m bypuls.embedded.amqtt_broker PORT`: the broker where no Mosquitto is installed.

amqtt speaks MQTT 3.1.1 only. It takes the properties of a version 5 CONNECT for a long client id and waits
for its end, so here such a client is told at once that it should come again with 3.1.1.
"""

import asyncio
import logging
import signal
import sys

from amqtt.adapters import StreamWriterAdapter  # type: ignore[import-untyped]
from amqtt.broker import Broker  # type: ignore[import-untyped]

from bypuls.embedded.port import HOST

_UNACCEPTABLE_VERSION = b"\x20\x02\x00\x01"  # CONNACK of 3.1.1, which clients of version 5 understand
_PATIENCE = 10.0

_CONFIG = {
    "listeners": {"default": {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


class _Resumed:
    """What amqtt reads a connection by, with the bytes that were read before."""

    def __init__(self, first: bytes, reader: asyncio.StreamReader) -> None:
        self._first = first
        self._reader = reader

    async def read(self, n: int) -> bytes:
        first, self._first = self._first[:n], self._first[n:]
        return first + await self._reader.readexactly(n - len(first))

    def feed_eof(self) -> None:
        self._reader.feed_eof()


async def serve(port: int) -> None:
    """Serve on loopback, without accounts, until SIGTERM."""
    broker = Broker(_CONFIG)
    await broker.start()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await _head(reader)
        except (asyncio.IncompleteReadError, TimeoutError, OSError):
            writer.close()
            return
        if head.endswith(b"MQTT\x05"):
            writer.write(_UNACCEPTABLE_VERSION)
            writer.close()
            return
        try:
            await broker.external_connected(_Resumed(head, reader), StreamWriterAdapter(writer), "default")
        except OSError as error:
            logging.getLogger(__name__).warning("connection lost: %s", error)

    server = await asyncio.start_server(welcome, HOST, port)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with server:
        await stopped.wait()
        await broker.shutdown()


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Read a packet up to where a CONNECT tells its version: type, length, protocol name, version."""
    head = await reader.readexactly(2)
    while head[-1] & 0x80 and len(head) < 5:
        head += await reader.readexactly(1)
    return head + await reader.readexactly(7)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("transitions").setLevel(logging.WARNING)
    asyncio.run(serve(int(sys.argv[1])))
