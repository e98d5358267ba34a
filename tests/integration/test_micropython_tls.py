"""The MicroPython agent and a broker with TLS."""

import subprocess
import time
from pathlib import Path

from testbed import Mosquitto
from testbed.heard import settings
from testbed.micropython import MicroNode


def test_a_broker_with_tls_is_trusted_by_its_certificate_only(name: str, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "key.pem").chmod(0o644)
    config = f"allow_anonymous true\ncertfile {tmp_path}/cert.pem\nkeyfile {tmp_path}/key.pem\n"
    with Mosquitto(config) as broker:
        for trusted in (True, False):
            folder = tmp_path / str(trusted)
            folder.mkdir()
            where = {"host": "localhost", "port": broker.port, "tls": str(tmp_path / "cert.pem")}
            if not trusted:
                where["host"] = "127.0.0.1"  # which the certificate does not name
            with MicroNode(settings(name, broker=where), broker.port, folder) as node:
                node.start()
                time.sleep(2)
                node.kill()
                told = node.process.log.read_text()
                assert ("can't be reached" in told) is not trusted, told
