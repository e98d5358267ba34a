"""The language of a page: what its address says, what was chosen before, what the browser asks for."""

from enum import StrEnum

from fastapi import Request


class Language(StrEnum):
    """The languages of the page."""

    NB = "nb"
    EN = "en"


COOKIE = "language"

_SPOKEN = dict.fromkeys(("nb", "no", "nn", "da", "sv"), Language.NB) | {"en": Language.EN}
"""What is told to whom; Danes, Swedes and those who write nynorsk read bokmål."""


def choose(request: Request, chosen: Language | None) -> Language:
    """Return the language of the answer to a request; `chosen` is what its address says."""
    if chosen is not None:
        return chosen
    remembered = request.cookies.get(COOKIE)
    if remembered in list(Language):
        return Language(remembered)
    return _accepted(request.headers.get("accept-language", ""))


def _accepted(header: str) -> Language:
    """Return the first language in the order of preference that the page has."""
    weighed: list[tuple[float, int, Language]] = []
    for place, part in enumerate(header.split(",")[:20]):
        tag, _, parameters = part.partition(";")
        language = _SPOKEN.get(tag.strip().lower().partition("-")[0])
        weight = _weight(parameters)
        if language is not None and weight > 0:
            weighed.append((-weight, place, language))
    return min(weighed)[2] if weighed else Language.NB


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
