"""Assembly: an agent from its settings; forgotten once it is done, like all that is imported inside it."""

from node.forgetting import forget


def assemble(path, open_board):
    """Return an agent with the settings in a file; `open_board(settings)` gives its board, as in boards/."""
    from node.settings import load

    settings = load(path)
    del load
    forget("settings")
    forget("checks")
    limits, folder = settings["store"], settings["store"]["folder"]
    # The large pieces first, as long as memory is in one: what is read, what is sent, what is heard.
    made, inbox = bytearray(limits["pack_bytes"]), bytearray(640 + 16 * limits["window"])
    from node.agent import HEAD, Agent
    from node.mqtt import OVERHEAD, Client

    topic = "bypuls/v1/%s/" % settings["node"]
    buffer = bytearray(limits["pack_bytes"] + HEAD + OVERHEAD + len(topic))
    board = open_board(settings)
    agent = Agent(board, made, settings["report"])
    agent.client = Client(settings["broker"], board, topic, buffer, inbox, agent.received)
    agent.eras, agent.config_file = folder + ".eras", folder + ".config"
    _add_sensors(agent, settings)
    from node.recovery import open_store

    agent.store = open_store(
        folder, limits["segments"], limits["packs"], limits["bytes"], buffer, agent.eras, board.feed
    )
    del open_store
    forget("recovery")
    agent.client.name = "%s-%s" % (settings["node"], agent.store.log)
    forget("eras")
    forget("era_notes")
    from node.uplink import Uplink

    agent.uplink = Uplink(agent.store, agent.client, agent.clock, agent.eras, limits["window"])
    try:
        with open(agent.config_file, "rb") as file:
            agent.configure(file.read())
    except OSError:
        pass
    return agent


def _add_sensors(agent, settings):
    from node.agent import Sensor
    from node.channel import Channel
    from node.quantities import of

    agent.sensors = [Sensor(name, each) for name, each in settings["sensors"].items()]
    for name, each in settings["channels"].items():
        unit, kind = of(each["quantity"])
        channel = Channel(name, each.get("unit", unit), kind, each["window"], each["statistics"], agent.emit)
        agent.channels.setdefault(each["sensor"], {}).setdefault(each["output"], []).append(channel)
    del of
    forget("quantities")
