"""`make chaos`: seeded faults against real servers and agents, and what became of every reading."""

import argparse
import sys
import time
import traceback

from chaos import table
from chaos.campaign import Campaign
from chaos.naive import NaiveNode
from chaos.run import Outcome


def main() -> None:
    """Run the schedules and print the table; exit with status 1 where an agent has lost anything."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=", description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int, metavar="SEED", help="1 to 60 if none is named")
    parser.add_argument("--platforms", type=int, default=3, help="so many at a time (3)")
    parser.add_argument("--baseline", action="store_true", help="a line for the naive nodes of each, too")
    words = parser.parse_args()
    begin = time.monotonic()
    outcomes: list[Outcome] = []
    bad: list[int] = []
    print(table.head(), flush=True)
    with Campaign(words.seeds or range(1, 61), words.platforms) as campaign:
        for seed, future in campaign.outcomes.items():
            try:
                outcome = future.result()
            except Exception:  # noqa: BLE001  # whatever it is, the others count
                print(f"{seed:>12} has no verdict:\n{traceback.format_exc()}", flush=True)
                bad.append(seed)
                continue
            outcomes.append(outcome)
            if not outcome.good:
                bad.append(seed)
            print(table.rows(outcome, baseline=words.baseline), flush=True)
            for verdict in outcome.verdicts.values():
                for note in verdict.notes:
                    print(f"    {note}")
    print(table.sums(outcomes))
    print(f"{len(outcomes)} schedules in {time.monotonic() - begin:.0f} s")
    if bad:
        sys.exit(f"lost, doubled, wrong or unduly declared with the seeds {', '.join(map(str, bad))}")
    naive = table.of_kind(outcomes, NaiveNode.kind)
    if not words.seeds and not naive.lost_acknowledged:
        sys.exit("the baseline lost nothing: these faults prove nothing")


if __name__ == "__main__":
    main()
