"""What a node says of itself (docs/wire.md, "Status")."""

import gc
import json

VERSION = "0.1.0"


def text(agent):
    """Return the status of an agent as JSON, no longer than a pack may be."""
    status = {
        "state": "online",
        "agent": "bypuls-micropython " + VERSION,
        "log": agent.store.log,
        "config": agent.config,
        "waiting": agent.store.waiting,
        "dropped": agent.store.dropped,
        "clock": "unknown" if agent.clock.epoch is None else "known",
        "problems": list(agent.problems.values()),
        "heap": {"peak": agent.peak, "size": gc.mem_alloc() + gc.mem_free()},
    }
    data = json.dumps(status).encode()
    if len(data) > agent.client.room:
        status["problems"] = ["%d problems" % len(agent.problems)]
        data = json.dumps(status).encode()
    if len(data) > agent.client.room and "error" in agent.config:
        excess = len(data) - agent.client.room
        error = agent.config["error"]
        status["config"] = dict(agent.config, error=error[: max(len(error) - excess - 3, 0)] + "...")
        data = json.dumps(status).encode()
    return data if len(data) <= agent.client.room else b'{"state":"online"}'
