"""`python -m testbed install`: make sure of the servers for tests and benchmarks, and of a browser."""

import sys

from testbed import browser
from testbed.missing import MissingServer
from testbed.sources import apt, install


def _tell(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Install servers and browser; exit with status 1 and the ways out when the servers can't be had.

    Without a browser the tests of the page fail, and all others are as good as ever.
    """
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m testbed install")
    try:
        install(_tell)
        try:
            browser.install(_tell, apt)
        except browser.MissingBrowser as error:
            _tell(str(error))
    except MissingServer as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted; the next `make test` does it again")


if __name__ == "__main__":
    main()
