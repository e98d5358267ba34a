"""docs/runbooks.md as the page that Grafana serves beside itself, for links from alerts and lists."""

from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

from bypuls.errors import BypulsError

SOURCE = Path(__file__).resolve().parents[1] / "docs/runbooks.md"

_PAGE = """\
<!DOCTYPE html>
<html lang="nb">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Bypuls: hva varslene betyr, og hva du gjør</title>
<style>
body {{ max-width: 46rem; margin: 1rem auto; padding: 0 1rem; font: 1.1rem/1.5 system-ui, sans-serif; }}
h2 {{ border-top: 1px solid; padding-top: 1rem; }}
:target {{ background: #F0E442; color: #000; }}
table {{ border-collapse: collapse; }}
td, th {{ border: 1px solid #8C8C8C; padding: .3rem .6rem; text-align: left; }}
</style>
{}</html>
"""


def html() -> str:
    """Return the page: each heading is an anchor of its name, the uid of an alert rule.

    Raises BypulsError where the documentation isn't beside the package, as it is in the repository.
    """
    try:
        source = SOURCE.read_text(encoding="utf-8")
    except OSError as error:
        raise BypulsError(f"can't read {SOURCE}: {error.strerror}. Run it in the project's folder") from error
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(source)
    for heading, inline in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", inline.content)
    return _PAGE.format(parser.renderer.render(tokens, parser.options, {}))
