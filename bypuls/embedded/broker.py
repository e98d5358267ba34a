"""The broker of the embedded default: Mosquitto where it is installed, else one written in Python."""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from bypuls.embedded.account import server_account
from bypuls.embedded.child import Child
from bypuls.embedded.port import HOST
from bypuls.errors import BypulsError

# Nothing depends on what the broker keeps (nodes hold their packs until the platform has acknowledged them);
# it only should not drop packs while ingest restarts, nor grow without bound.
_MOSQUITTO = """\
# Written by bypuls up at every start.
listener {port} {host}
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 60
max_inflight_messages 0
max_queued_messages 1000000
max_queued_bytes 134217728
message_size_limit 1048576
log_type error
log_type warning
log_type notice
"""


def broker_child(data_dir: Path, port: int) -> Child:
    """Return the broker for a loopback port, as a child that is yet to be started; its name tells which one.

    Raises BypulsError when there is none.
    """
    folder = data_dir.absolute() / "broker"
    folder.mkdir(exist_ok=True)
    log = data_dir.absolute() / "log" / "broker.log"
    # Debian keeps it in /usr/sbin, which only root has on the PATH.
    mosquitto = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if mosquitto is not None:
        account = server_account()
        account.own(folder)
        config = folder / "mosquitto.conf"
        config.write_text(_MOSQUITTO.format(port=port, host=HOST, folder=folder), encoding="utf-8")
        return Child("broker (mosquitto)", [mosquitto, "-c", str(config)], log, account=account)
    if find_spec("amqtt") is None:
        raise BypulsError("there is no MQTT broker: install mosquitto, or pip install 'bypuls[embedded]'")
    command = [sys.executable, "-P", "-m", "bypuls.embedded.amqtt_broker", str(port)]
    return Child("broker (amqtt)", command, log)
