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
EXAMPLE = Path(__file__).with_name("bypuls-edge.toml")
UNIT = Path(__file__).with_name("bypuls-edge.service")


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; what is wrong is told on stderr, with exit status 1."""
    # numpy's linear algebra would start a thread for each core, with a stack each; it isn't used here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = _parser().parse_args(words)
    try:
        status = arguments.work(arguments)
        sys.stdout.flush()
        sys.exit(status)
    except BrokenPipeError:
        # Who reads has seen enough; what is left must not be written at the interpreter's end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BypulsError as error:
        print(f"bypuls-edge: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bypuls-edge",
        description="The Bypuls agent: it reads sensors, and keeps what they say until the platform has it.",
        epilog="To begin: bypuls-edge example > edge.toml; bypuls-edge check --config edge.toml",
    )
    parser.add_argument("--version", action="version", version=f"bypuls-edge {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = _command(commands, "run", _run, "measure and send, until interrupted")
    check = _command(
        commands, "check", _check, "try store, clock, each sensor, broker and platform, and explain"
    )
    for command in (run, check):
        command.add_argument(
            "--config", type=Path, default=DEFAULT, metavar="FILE", help=f"the configuration; {DEFAULT}"
        )
    run.add_argument("--verbose", action="store_true", help="tell more")
    _command(commands, "sensors", _sensors, "list the kinds of sensors and their options")
    _command(commands, "example", _example, "print a configuration to begin with")
    _command(commands, "unit", _unit, "print the systemd unit")
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, work: object, what: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    parser.set_defaults(work=work)
    return parser


# The imports stand inside the commands, so that --help does not wait for numpy.


def _run(arguments: argparse.Namespace) -> int:
    from edge.pi.agent import Agent
    from edge.pi.clock import SystemClock
    from edge.pi.configuration import load
    from edge.pi.store import Store

    level = logging.DEBUG if arguments.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(levelname)s %(message)s", stream=sys.stderr)
    configuration = load(arguments.config)
    with Store(configuration.store.folder, configuration.store.limit) as store:
        agent = Agent(configuration, SystemClock(), store)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.stop())
        agent.run()
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from edge.pi.check import check
    from edge.pi.configuration import load

    well = check(load(arguments.config), lambda line: print(line, flush=True))
    return 0 if well else 1


def _sensors(_arguments: argparse.Namespace) -> int:
    from pydantic_core import PydanticUndefined

    from edge.pi.sensors.registry import KINDS, driver

    for kind in sorted(KINDS):
        found = driver(kind)
        print(f"{kind}: {found.summary}")
        for name, field in found.options.model_fields.items():
            default = "required" if field.default is PydanticUndefined else f"default {field.default!s}"
            print(f"    {name}: {field.description} ({default})")
    return 0


def _example(_arguments: argparse.Namespace) -> int:
    print(EXAMPLE.read_text(encoding="utf-8"), end="")
    return 0


def _unit(_arguments: argparse.Namespace) -> int:
    print(UNIT.read_text(encoding="utf-8"), end="")
    return 0
