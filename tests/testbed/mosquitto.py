"""A real Mosquitto on a free loopback port."""

import signal
import socket
import tempfile
from pathlib import Path
from typing import Self

from testbed.container import Container, engine_answers
from testbed.missing import MissingServer
from testbed.port import free_port
from testbed.process import Process
from testbed.sources import MOSQUITTO_IMAGE, mosquitto_command

OPEN_AND_UNLIMITED = """\
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
"""


class Mosquitto:
    """A broker from `with` to its end; `config` is its configuration without the listener.

    Files that the configuration names lie in a folder for temporary files and have absolute names.
    Raises MissingServer when there is no Mosquitto; `make test` installs it.
    """

    host = "127.0.0.1"

    def __init__(self, config: str = OPEN_AND_UNLIMITED) -> None:
        command = mosquitto_command()
        if command is None and not engine_answers():
            raise MissingServer("There is no Mosquitto; `make test` installs it.")
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="bypuls-mosquitto-")
        folder = Path(self._folder.name)
        file, log = folder / "mosquitto.conf", folder / "log"
        address = "0.0.0.0" if command is None else self.host
        # Started by root it would become a user who can't read the files of the test.
        file.write_text(f"user root\nlistener {self.port} {address}\n{config}")
        if command is None:
            same_place = ["--volume", f"{tempfile.gettempdir()}:{tempfile.gettempdir()}"]
            run = ["mosquitto", "-c", str(file)]
            self._process: Process = Container(MOSQUITTO_IMAGE, run, self.port, log, same_place)
        else:
            self._process = Process(["setpriv", "--pdeathsig", "KILL", *command, "-c", str(file)], log)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.close()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the broker, again on the same port, and return when it answers."""
        self._process.start(self._answers, timeout=20)

    def stop(self) -> None:
        """Let the broker end in order; with persistence it saves its state."""
        self._process.send(signal.SIGTERM)
        self._process.wait()

    def kill(self) -> None:
        """End the broker with SIGKILL."""
        self._process.kill()

    def pause(self) -> None:
        """Freeze the broker: connections stay, and nothing is answered."""
        self._process.pause()

    def resume(self) -> None:
        """Let a paused broker go on."""
        self._process.resume()

    def _answers(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True
