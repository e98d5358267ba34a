"""Names that a client gives, looked up in the registry."""

from collections.abc import Sequence

from api.problems import NotFound
from bypuls.store import catalog
from bypuls.store.database import Connection
from bypuls.store.facts import StreamFacts, find_facts


def check_node(connection: Connection, node: str | None) -> None:
    """Raise NotFound unless the registry knows the node; None passes."""
    if node is not None and not catalog.node_exists(connection, node):
        raise unknown_node(node)


def unknown_node(node: str) -> NotFound:
    """Say that there is no such node."""
    return NotFound(f"There is no node '{node}'. GET /api/v1/nodes lists those there are.")


def known_stream(connection: Connection, name: str) -> tuple[int, catalog.Stream]:
    """Return the number and the entry of the stream `node/channel`; raises NotFound."""
    node, _, channel = name.partition("/")
    found = catalog.find_stream(connection, node, channel)
    if found is None:
        check_node(connection, node)
        raise NotFound(
            f"Node '{node}' has no channel '{channel}'. GET /api/v1/streams?node={node} lists those it has."
        )
    return found


def known_facts(connection: Connection, names: Sequence[str]) -> list[StreamFacts]:
    """Return what is known of the streams of these names, in their order; raises NotFound."""
    found = find_facts(connection, names)
    for name in names:
        if name not in found:
            known_stream(connection, name)
    return [found[name] for name in names]
