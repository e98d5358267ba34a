"""The question for the time: a pack without readings, whose acknowledgement tells it."""

from node import senml
from node.store import StoreError


def ask(agent):
    """Store such a pack, and let it be sent."""
    store = agent.store
    try:
        store.room(senml.HEAD)
        gaps = store.gaps.undeclared(store.next)
        agent.uplink.ask(store.put(0, 0, 0, _question(store, gaps), b""))
    except (StoreError, OSError) as error:
        agent.problem("store", "store: %s" % error)


def _question(store, gaps):
    """Return a pack that holds no reading."""
    gap = ',"gap":[%s]' % ",".join("[%d,%d]" % (low, high) for low, high in gaps) if gaps else ""
    return b'[{"log":"%s","seq":%d%s}]' % (store.log.encode(), store.next, gap.encode())
