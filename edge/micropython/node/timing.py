"""Timing: how a node comes to know the time, and what becomes of what it measured before."""

from node import senml
from node.console import tell

_DOUBT = 10_000
"""Milliseconds by which a clock that was just set may be behind the one of a store that was lost."""


def guess(agent):
    """Note what the board's clock says, before the first pack of an era whose start is not known."""
    board_clock = agent.board.clock()
    began = board_clock and board_clock - agent.clock.mono
    from node import era_notes  # here, because it takes memory, and `ask` does without

    era_notes.persist(agent.store, era_notes.guess, agent.eras, agent.store.era, began, agent.store.high)
    agent.guessed = True


def set_clock(agent, epoch):
    """Begin to stamp by another clock; what was sampled before is stamped by the old one."""
    clock, store = agent.clock, agent.store
    for channel in agent.all_channels():
        channel.cut()
        channel.forget()
    agent.keep()
    if clock.epoch is None:
        if agent.guessed:
            from node import era_notes  # as above

            mark = senml.mark_of(store.era) if store.fresh or epoch <= store.high else 0
            era_notes.persist(store, era_notes.decide, agent.eras, store.era, epoch, mark)
            store.high = max(store.high, epoch + agent.relative_high)
    else:
        tell("the clock is put %+d ms" % (epoch - clock.epoch))
        store.era += 1
    clock.epoch = epoch
    agent.sampled = 0
    agent.taken = max(store.high, clock.now() + _DOUBT) if store.fresh else store.high
    store.fresh = False
    agent.status_at = 0
