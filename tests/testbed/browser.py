"""A real Chromium, driven by Playwright; where it comes from, and what pages ask of other machines."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

WAYS_OUT = """\
The tests of the page run in a real Chromium. There are two ways to have one:
  1. As root on Debian: `make test` installs the package chromium.
  2. Your own, on the PATH or named by BYPULS_TEST_CHROMIUM=/path/to/chromium."""


class MissingBrowser(Exception):
    """There is no Chromium; the message says what is lacking and the ways out."""

    def __init__(self, lacking: str) -> None:
        super().__init__(f"{lacking}\n{WAYS_OUT}")


def find() -> str | None:
    """Return the path of Chromium: named by BYPULS_TEST_CHROMIUM, or on the PATH; None where there is none.

    Raises MissingBrowser when the one that is named is no program.
    """
    named = os.environ.get("BYPULS_TEST_CHROMIUM")
    if named:
        if shutil.which(named) is None:
            raise MissingBrowser(f"BYPULS_TEST_CHROMIUM={named} is not a program.")
        return named
    return next((path for path in map(shutil.which, NAMES) if path), None)


def install(tell: Callable[[str], None], apt: Callable[..., bool]) -> None:
    """Install Debian's Chromium unless there is one; raises MissingBrowser where that can't be done."""
    if find() is not None:
        return
    if os.geteuid() != 0:
        raise MissingBrowser("There is no Chromium, and this user is not root.")
    if shutil.which("apt-get") is None:
        raise MissingBrowser("There is neither a Chromium nor apt-get here.")
    tell("installing Chromium (about 40 s, 350 MB)")
    wanted = ("install", "--no-install-recommends", "chromium")
    if not apt(*wanted) and not (apt("update") and apt(*wanted)):
        raise MissingBrowser("apt-get could not install the package chromium.")
    if find() is None:
        raise MissingBrowser("The package chromium of this system brings no such program.")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a headless Chromium; raises MissingBrowser where there is none."""
    path = find()
    if path is None:
        raise MissingBrowser("There is no Chromium.")
    # Its own sandbox wants what root and containers don't give; the pages are ours.
    options = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        try:
            yield browser
        finally:
            browser.close()
