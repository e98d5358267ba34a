"""Licences of open data: what they are called, and where they are written."""

from dataclasses import dataclass

from bypuls.settings import Licence


@dataclass(frozen=True, slots=True)
class Named:
    """A licence as people read it; `url` is its text, `authority` its entry in the EU's list of licences."""

    nb: str
    en: str
    url: str
    authority: str


_EU = "http://publications.europa.eu/resource/authority/licence/"

LICENCES: dict[Licence, Named] = {
    Licence.NLOD: Named(
        "Norsk lisens for offentlige data (NLOD) 2.0",
        "Norwegian Licence for Open Government Data (NLOD) 2.0",
        "https://data.norge.no/nlod/no/2.0",
        f"{_EU}NLOD_2_0",
    ),
    Licence.CC_BY: Named(
        "Creative Commons Navngivelse 4.0 (CC BY 4.0)",
        "Creative Commons Attribution 4.0 (CC BY 4.0)",
        "https://creativecommons.org/licenses/by/4.0/",
        f"{_EU}CC_BY_4_0",
    ),
    Licence.CC0: Named(
        "Creative Commons fristatus (CC0 1.0)",
        "Creative Commons Zero (CC0 1.0)",
        "https://creativecommons.org/publicdomain/zero/1.0/",
        f"{_EU}CC0",
    ),
}
