"""Faults: what is done to the platform and the nodes, and how it is undone."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from chaos.node import HOUR, Node
from chaos.platform import Platform
from chaos.schedule import NODES, Fault
from testbed import Link

Undo = Callable[[], None]


def inject(fault: Fault, platform: Platform, nodes: Sequence[Node]) -> Undo:
    """Let a fault begin, of all `nodes` that it concerns; return what ends it."""
    if fault.victim in NODES:
        undone = [_of_node(fault, node) for node in nodes]
        return partial(_all, undone)
    if fault.victim in platform.lines:
        return _of_line(fault, platform.lines[fault.victim])
    return _of_server(fault, platform)


def _of_server(fault: Fault, platform: Platform) -> Undo:
    broker, database, ingest = platform.broker, platform.database, platform.ingest
    match fault.action, fault.victim:
        case "kill", "broker":
            broker.kill()
            return broker.start
        case "freeze", "broker":
            broker.pause()
            return broker.resume
        case "restart", "broker":
            broker.stop()
            return broker.start
        case "kill", "database":
            database.kill()
            return database.start
        case "freeze", "database":
            database.pause()
            return database.resume
        case "restart", "database":
            database.stop("fast" if fault.chance < 0.5 else "immediate")
            return database.start
        case "kill", "ingest":
            platform.kill_ingest()
            return ingest.launch
        case "restart", "ingest":
            ingest.terminate()
            return platform.start_ingest
        case "kill", "worker":
            platform.signal_worker(fault.chance, signal.SIGKILL)
            return _nothing  # ingest starts it again
        case "freeze", "worker":
            pid = platform.signal_worker(fault.chance, signal.SIGSTOP)
            return _nothing if pid is None else partial(_go_on, pid)
    raise NotImplementedError(fault)


def _of_line(fault: Fault, line: Link) -> Undo:
    match fault.action:
        case "cut":
            line.cut()
        case "slow":
            line.slow(1_000 + 7_000 * fault.chance)
        case "half-open":
            line.half_open("client" if fault.chance < 0.5 else "server")
        case "one-way":
            line.stall("up" if fault.chance < 0.5 else "down")
        case _:
            raise NotImplementedError(fault)
    return line.heal


def _of_node(fault: Fault, node: Node) -> Undo:
    match fault.action:
        case "cut" | "slow" | "half-open" | "one-way":
            return _of_line(fault, node.link)
        case "kill":
            node.kill()
            return node.start
        case "freeze":
            node.freeze()
            return partial(node.thaw, fault.end - fault.begin)
        case "restart":
            node.stop()
            return node.start
        case "full":
            node.link.cut()
            return node.link.heal
        case "tear":
            node.kill()
            node.tear_off(int(1_000 * fault.chance))
            return node.start
        case "wipe":
            node.kill()
            node.wipe()
            return node.start
        case "clock":
            node.shift(_an_hour(fault))
            return partial(node.shift, 0)
        case "reboot":
            node.reboot(_an_hour(fault))
            return partial(node.shift, 0)
        case "twins":
            return _nothing
    raise NotImplementedError(fault)


def _an_hour(fault: Fault) -> float:
    return HOUR if fault.chance < 0.5 else -HOUR


def _go_on(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _all(undone: Sequence[Undo]) -> None:
    for undo in undone:
        undo()


def _nothing() -> None:
    """Undo what needs no undoing."""
