"""What publishes without hardware, and what judges the platform by it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bypuls.errors import BypulsError


def replay(
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Recordings; all that are shipped, if none."),
    ] = None,
    speed: Annotated[
        str,
        typer.Option(metavar="FACTOR", help="Seconds of the recordings that pass in one second, or `max`."),
    ] = "max",
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where the progress is kept, so that an interrupted replay goes on."
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(min=1, metavar="SECONDS", help="Give up when nothing is acknowledged for so long."),
    ] = 60.0,
    pack_rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="Most instants of a recording in one pack.")
    ] = 100,
) -> None:
    """Publish recordings as their nodes would, until the platform has acknowledged every reading.

    Times are not changed. A second replay stores nothing twice.

    Examples:

        bypuls replay

        BYPULS_MQTT_PORT=2883 bypuls replay --speed 3600 simulators/recordings/valand.csv.gz
    """
    from bypuls.settings import BrokerSettings, load
    from simulators.replay import run

    run(load(BrokerSettings), recordings or [], _factor(speed), state, timeout, pack_rows)


def simulate(
    town: Annotated[str, typer.Option(metavar="NAME", help="Which town.")] = "lillestrom",
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What befalls it: everyday, inversion, flood, fair, burst-main, new-year; may be repeated.",
        ),
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"],
            help="When scenarios are at their height, such as 2026-11-20T12:00Z; else half a day ago.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same town.")] = 1,
    speed: Annotated[
        float, typer.Option(metavar="FACTOR", help="Seconds of the town that pass in one second.")
    ] = 1.0,
    history: Annotated[
        str, typer.Option(metavar="DURATION", help="How much of the past is sent first, such as 30d or 12h.")
    ] = "0s",
    behind: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="How far behind the clock a town begins that is faster than life; it ends up beside it.",
        ),
    ] = "1d",
    duration: Annotated[
        str | None, typer.Option(metavar="DURATION", help="End after so long, not counting the history.")
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000, metavar="N", help="How many nodes; more are multiplied plausibly."
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How often every node measures, in place of its own interval."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=RATE]",
            help="Faults: stuck, drift, spike, dropout, wrong-unit, clock-ahead, clock-behind, reboot, "
            "duplicate, reordering, corrupt, or all. RATE is how often, up to 1: if not given, 0.1, of stuck "
            "0.4. May be repeated.",
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the ground truth is noted, for `bypuls score`; a run goes on where its journal ends.",
        ),
    ] = None,
    load: Annotated[
        bool, typer.Option("--load", help="Tell throughput, and how long packs take to be acknowledged.")
    ] = False,
) -> None:
    """Simulate Lillestrøm: publish what its nodes measure, the past first and then what is now.

    Every pack is kept and sent again until the platform has acknowledged it; exit status 1 if some are not
    at the end. Run `bypuls nodes apply --town lillestrom` first, with the same --nodes and --interval, or the
    platform knows neither places nor intervals, and can't tell a gap. `bypuls up` and `make up` run a town
    themselves: start them with --no-simulate, or both publish as the same nodes.

    Examples:

        bypuls nodes apply --town lillestrom && bypuls simulate --history 7d --journal town.jsonl

        bypuls simulate --history 7d

        bypuls simulate --scenario flood --seed 7 --history 30d --speed 60 --journal town.jsonl

        bypuls simulate --nodes 10000 --interval 10s --duration 5min --load

        bypuls simulate --history 30d --fault all --duration 1min --journal town.jsonl
    """
    from bypuls.settings import BrokerSettings
    from bypuls.settings import load as load_settings
    from simulators import duration as durations
    from simulators.simulation import Plan, run
    from simulators.town.faults import parse

    plan = Plan(
        town=town,
        seed=seed,
        nodes=nodes,
        interval=None if interval is None else durations.microseconds("--interval", interval) / 1e6,
        scenarios=tuple(scenario or ()),
        at=None if at is None else round(at.timestamp()) * 1_000_000,
        faults=tuple(sorted(parse(fault or []).items())),
        speed=speed,
        history=durations.microseconds("--history", history),
        behind=durations.microseconds("--behind", behind),
        duration=None if duration is None else durations.microseconds("--duration", duration),
        journal=journal,
        load=load,
    )
    run(load_settings(BrokerSettings), plan)


def score(
    journal: Annotated[
        Path, typer.Option(metavar="FILE", help="The journal that `bypuls simulate --journal` wrote.")
    ],
    api: Annotated[
        str, typer.Option(metavar="URL", help="Where the HTTP API answers.")
    ] = "http://127.0.0.1:8080",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON instead of a table.")] = False,
) -> None:
    """Compare what the platform has with what the simulated town sent: the truth is known.

    Tells what is lost, refused, doubled, wrong or late; for each kind of fault how many episodes were
    recognised and how much of what was flagged had a cause; for each scenario whether the aggregates show
    it. Exit status 1 if something is lost, refused (in quarantine without a fault that is a cause), doubled
    or wrong. Gaps are told only for nodes that were made known before, by `bypuls nodes apply --town`, and
    a second simulator of the same nodes, such as that of `bypuls up` without --no-simulate, shows as
    doubled. BYPULS_API_OPERATOR_TOKEN opens the quarantine where it is closed.

    Example:

        bypuls score --journal town.jsonl
    """
    from bypuls.settings import ApiSettings
    from bypuls.settings import load as load_settings
    from simulators.score import run

    token = load_settings(ApiSettings).operator_token
    if not run(journal, api, None if token is None else token.get_secret_value(), as_json=as_json):
        raise typer.Exit(1)


def check_journal(journal: Path) -> None:
    """Raise BypulsError for a journal with which `bypuls simulate` without further options can't go on."""
    from simulators.simulation import Plan

    Plan(journal=journal).check_journal()


def _factor(speed: str) -> float | None:
    if speed == "max":
        return None
    try:
        factor = float(speed)
    except ValueError:
        raise BypulsError(f"--speed {speed}: give a factor such as 3600, or max") from None
    if not 0 < factor < float("inf"):
        raise BypulsError(f"--speed {speed}: the factor must be above 0; max is as fast as it goes")
    return factor
