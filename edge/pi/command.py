"""The command `bypuls-edge`."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bypuls import __version__
from bypuls.errors import BypulsError

DEFAULT = Path("/etc/bypuls-edge.toml")


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; what is wrong is told on stderr, with exit status 1."""
    arguments = _parser().parse_args(words)
    try:
        sys.exit(arguments.work(arguments))
    except BypulsError as error:
        print(f"bypuls-edge: {error}", file=sys.stderr)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bypuls-edge",
        description="The Bypuls agent: it reads sensors, and keeps what they say until the platform has it.",
        epilog="docs/edge.md tells all of it.",
    )
    parser.add_argument("--version", action="version", version=f"bypuls-edge {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="measure and send, until interrupted")
    run.set_defaults(work=_run)
    for command in (run,):
        command.add_argument(
            "--config", type=Path, default=DEFAULT, metavar="FILE", help=f"the configuration; {DEFAULT}"
        )
    return parser


def _run(arguments: argparse.Namespace) -> int:
    # numpy's linear algebra would start a thread a core, and take their stacks; it isn't used here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edge.pi.agent import Agent
    from edge.pi.clock import SystemClock
    from edge.pi.configuration import load
    from edge.pi.store import Store

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    configuration = load(arguments.config)
    with Store(configuration.store.folder, configuration.store.limit) as store:
        agent = Agent(configuration, SystemClock(), store)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.stop())
        agent.run()
    return 0
