"""A visitor of the page: one tab of a browser of its own, and a record of all that happens in it."""

from typing import Any, Self
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

expect.set_options(timeout=15_000)

PHONE = {"viewport": {"width": 390, "height": 844}}
SMALL = {"viewport": {"width": 320, "height": 640}}


def live(page: Page) -> None:
    """Wait until the page says that it is live."""
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")


class Visit:
    """A tab from `with` to its end, without anything that earlier ones left behind.

    `requests`: the address of each request; `complaints`: errors of scripts, of the console (what the content
    policy refused is among them) and answers of 400 and more, but for those whose path stands in `bear`.
    """

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        """`options` go to the browser's context, such as viewport, locale, color_scheme."""
        self.url = url
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.bear: set[str] = set()
        settings = {"viewport": {"width": 1280, "height": 900}, "locale": "nb-NO", **options}
        self._context = browser.new_context(**settings)
        self._context.set_default_timeout(15_000)
        self.page: Page = self._context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("response", lambda answer: self._look(answer.status, answer.url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def open(self, path: str = "/") -> Page:
        """Load a path, and wait until its scripts run, if it has any."""
        self.page.goto(f"{self.url}{path}")
        if self.page.locator("#map").count() and self.page.evaluate("matchMedia('(scripting)').matches"):
            self.page.wait_for_selector("html[data-ready]", state="attached")
        return self.page

    def cookies(self) -> dict[str, str]:
        """Return what the page remembers."""
        return {each["name"]: each["value"] for each in self._context.cookies()}

    def violations(self) -> list[str]:
        """Return what axe finds on the page against WCAG 2.1 A and AA, with the elements."""
        tags = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
        # Of what passes, the first element alone is told: there are thousands.
        options = {"runOnly": tags, "resultTypes": ["violations"]}
        return [
            f"{each['id']}: {node['html'][:150]} {node['failureSummary'][:300]}"
            for each in Axe().run(self.page, options=options).response["violations"]
            for node in each["nodes"]
        ]

    @property
    def strangers(self) -> set[str]:
        """The origins of requests to anything but the platform."""
        home = urlsplit(self.url)
        parts = map(urlsplit, self.requests)
        return {part.netloc or part.scheme for part in parts if part.netloc != home.netloc}

    def _hear(self, message: Any) -> None:
        # A failed answer is told by its status, too.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _look(self, status: int, url: str) -> None:
        if status >= 400 and urlsplit(url).path not in self.bear:
            self.complaints.append(f"{status} {url}")
