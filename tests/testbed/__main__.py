"""`python -m testbed install`: make sure of the servers for tests and benchmarks."""

import sys

from testbed.missing import MissingServer
from testbed.sources import install


def main() -> None:
    """Install the servers; exit with status 1 and the ways out when they can't be had."""
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m testbed install")
    try:
        install(lambda line: print(line, flush=True))
    except MissingServer as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted; the next `make test` does it again")


if __name__ == "__main__":
    main()
