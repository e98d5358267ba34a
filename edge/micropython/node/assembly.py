"""Assembly: an agent from its settings; forgotten once it is done, like all that is imported inside it."""

from micropython import const

from node import senml
from node.forgetting import forget

_MQTT = const(20)  # bytes of a buffer besides topic and payload


def assemble(path, open_board):
    """Return an agent with the settings in a file; `open_board(settings)` gives its board, as in boards/."""
    from node.settings import load

    settings = load(path)
    del load
    for module in ("settings", "fields", "checks"):
        forget(module)
    limits, folder = settings["store"], settings["store"]["folder"]
    topic = "bypuls/v1/%s/" % settings["node"]
    board = open_board(settings)
    # The large pieces first, as long as memory is in one: what is read, what is sent, what is heard.
    made, inbox = bytearray(limits["pack_bytes"]), bytearray(640 + 16 * limits["window"])
    buffer = bytearray(limits["pack_bytes"] + senml.HEAD + len(topic) + _MQTT)
    # Then the store, because most of the code that it takes is forgotten again.
    store = _open_store(folder, limits, buffer, board)
    from node.agent import Agent
    from node.mqtt import Client
    from node.uplink import Uplink

    agent = Agent(board, made, settings["report"])
    agent.store, agent.eras, agent.config_file = store, folder + ".eras", folder + ".config"
    agent.client = Client(settings["broker"], board, topic, buffer, inbox, agent.received)
    agent.client.name = "%s-%s" % (settings["node"], store.log)
    agent.uplink = Uplink(store, agent.client, agent.clock, agent.eras, limits["window"])
    _add_sensors(agent, settings)
    try:
        with open(agent.config_file, "rb") as file:
            agent.configure(file.read())
    except OSError:
        pass
    return agent


def _open_store(folder, limits, scratch, board):
    from node.recovery import finish, open_store

    eras = folder + ".eras"
    finish(eras)
    finish(folder + ".config")
    store = open_store(
        folder, limits["segments"], limits["packs"], limits["bytes"], scratch, eras, board.feed
    )
    del open_store, finish
    for module in ("recovery", "eras", "era_notes"):
        forget(module)
    return store


def _add_sensors(agent, settings):
    from node.agent import Sensor
    from node.channel import Channel

    agent.sensors = [Sensor(name, each) for name, each in settings["sensors"].items()]
    while settings["channels"]:
        name, each = settings["channels"].popitem()  # what was made of it takes its memory
        what = each["unit"], each["kind"], each["window"], each["statistics"]
        channel = Channel(name, *what, agent.emit)
        agent.channels.setdefault(each["sensor"], {}).setdefault(each["output"], []).append(channel)
