"""The catalogue of open data as DCAT-AP-NO: a dataset for each theme, of open streams alone.

What is mandatory: https://data.norge.no/specification/dcat-ap-no (3.0, and dct:identifier of 2.2).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api import times
from api.routes import ROOT
from bypuls.licences import LICENCES
from bypuls.quantities import QUANTITIES
from bypuls.settings import OpenDataSettings
from bypuls.store.catalog import OpenStream
from bypuls.themes import THEMES, Theme

Node = dict[str, Any]

CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

_EU = "http://publications.europa.eu/resource/authority/"
_MEDIA = "https://www.iana.org/assignments/media-types/"


@dataclass(frozen=True, slots=True)
class _Described:
    """What is said of a theme; `theme` is its key in the EU's list of themes."""

    theme: str
    nb: str
    en: str


_DESCRIBED = {
    "air": _Described("ENVI", "Luftkvalitet fra målestasjoner", "Air quality from monitoring stations"),
    "water": _Described("ENVI", "Elver og vannforsyning", "Rivers and water supply"),
    "weather": _Described("ENVI", "Vær fra målestasjoner", "Weather from monitoring stations"),
    "noise": _Described("ENVI", "Lydnivå", "Sound levels"),
    "mobility": _Described("TRAN", "Tellinger av ferdsel", "Counts of people and traffic"),
    "parking": _Described("TRAN", "Opptatte parkeringsplasser", "Occupied parking bays"),
    "waste": _Described("ENVI", "Fyllingsgrad i avfallsbeholdere", "Fill levels of waste bins"),
    "light": _Described("ENER", "Gatelys og strømforbruk", "Street lights and power use"),
}


def catalogue(
    streams: Sequence[OpenStream], since: Mapping[str, datetime], settings: OpenDataSettings
) -> Node:
    """Return the catalogue as JSON-LD; `since` tells when the streams of a quantity began."""
    base = f"{settings.url}{ROOT}/dcat"
    by_theme = {
        theme: [each for each in streams if each.quantity in theme.quantities and not each.statistic]
        for theme in THEMES
    }
    datasets = [
        _Dataset(base, settings, theme, those, since).described()
        for theme, those in by_theme.items()
        if those
    ]
    shared = _shared(base, settings)
    names = [dataset["@id"] for dataset, *_ in datasets]
    catalog: Node = {
        "@id": f"{base}#catalog",
        "@type": "dcat:Catalog",
        "dct:title": _words(
            f"Åpne sensordata fra {settings.publisher}", f"Open sensor data of {settings.publisher}"
        ),
        "dct:description": _words(
            "Målinger fra sensorer i byen, som hvem som helst kan bruke.",
            "What sensors in the town measure, for anybody to use.",
        ),
        **shared,
        "dct:license": {"@id": LICENCES[settings.licence].authority},
        "dct:language": [{"@id": f"{_EU}language/NOB"}, {"@id": f"{_EU}language/ENG"}],
        "foaf:homepage": {"@id": f"{settings.url}/"},
        "dcat:themeTaxonomy": {"@id": f"{_EU}data-theme"},
        "dcat:dataset": [{"@id": name} for name in names],
        "dcat:service": [{"@id": f"{base}#api"}],
    }
    service: Node = {
        "@id": f"{base}#api",
        "@type": "dcat:DataService",
        "dct:title": _words("Bypuls' API", "The API of Bypuls"),
        **shared,
        "dcat:endpointURL": {"@id": f"{settings.url}{ROOT}"},
        "dcat:endpointDescription": {"@id": f"{settings.url}/openapi.json"},
        "foaf:page": {"@id": f"{settings.url}/docs"},
        "dct:license": {"@id": LICENCES[settings.licence].authority},
        "dct:format": _file("JSON"),
        "dcat:servesDataset": [{"@id": name} for name in names],
    }
    agents = [_publisher(base, settings), _contact(base, settings)]
    graph = [catalog, service, *agents, *(node for dataset in datasets for node in dataset)]
    return {"@context": CONTEXT, "@graph": graph}


class _Dataset:
    """One theme's dataset."""

    def __init__(
        self,
        base: str,
        settings: OpenDataSettings,
        theme: Theme,
        streams: Sequence[OpenStream],
        since: Mapping[str, datetime],
    ) -> None:
        self._base, self._settings = base, settings
        self._theme, self._streams = theme, streams
        self._about = _DESCRIBED[theme.key]
        measured = {each.quantity for each in streams}
        self._quantities = [QUANTITIES[key] for key in theme.quantities if key in measured]
        begun = [since[quantity.key] for quantity in self._quantities if quantity.key in since]
        self._began = min(begun) if begun else None
        self.id = f"{base}#{theme.key}"

    def described(self) -> list[Node]:
        """Return the dataset, and after it its distributions."""
        distributions = list(self._distributions())
        owners = sorted({each.owner for each in self._streams if each.owner})
        nodes = len({each.node for each in self._streams})
        of_nb = ", ".join(quantity.nb.lower() for quantity in self._quantities)
        of_en = ", ".join(quantity.en.lower() for quantity in self._quantities)
        dataset: Node = {
            "@id": self.id,
            "@type": "dcat:Dataset",
            "dct:identifier": self.id,
            "dct:title": _words(self._about.nb, self._about.en),
            "dct:description": _words(
                f"Målt ved {nodes} målepunkter: {of_nb}.", f"Measured at {nodes} stations: {of_en}."
            ),
            **_shared(self._base, self._settings),
            "dct:creator": [{"@type": "foaf:Agent", "foaf:name": owner} for owner in owners],
            "dcat:theme": {"@id": f"{_EU}data-theme/{self._about.theme}"},
            "dcat:keyword": [
                word for quantity in self._quantities for word in _words(quantity.nb, quantity.en)
            ],
            "dct:accessRights": {"@id": f"{_EU}access-right/PUBLIC"},
            "dct:accrualPeriodicity": {"@id": f"{_EU}frequency/CONT"},
            "dct:license": {"@id": LICENCES[self._settings.licence].authority},
            "dct:spatial": _spatial(self._streams),
            "dct:temporal": self._temporal(),
            "dcat:distribution": [{"@id": distribution["@id"]} for distribution in distributions],
        }
        return [{name: value for name, value in dataset.items() if value}, *distributions]

    def _distributions(self) -> Iterable[Node]:
        for quantity in self._quantities:
            series = f"series?quantity={quantity.key}&open=true&every=1h"
            for form, media, path in (
                ("JSON", "application/json", series),
                ("CSV", "text/csv", f"{series}&format=csv"),
                (
                    "GEOJSON",
                    "application/geo+json",
                    f"latest?quantity={quantity.key}&open=true&format=geojson",
                ),
            ):
                what = (
                    ("siste måling", "newest reading")
                    if form == "GEOJSON"
                    else ("timesverdier", "by the hour")
                )
                yield {
                    "@id": f"{self.id}-{quantity.key}-{form.lower()}",
                    "@type": "dcat:Distribution",
                    "dct:title": _words(
                        f"{quantity.nb}, {what[0]} ({form})", f"{quantity.en}, {what[1]} ({form})"
                    ),
                    "dcat:accessURL": {"@id": f"{self._settings.url}{ROOT}/{path}"},
                    "dcat:accessService": {"@id": f"{self._base}#api"},
                    "dct:format": _file(form),
                    "dcat:mediaType": {"@id": f"{_MEDIA}{media}"},
                    "dct:license": {"@id": LICENCES[self._settings.licence].authority},
                }

    def _temporal(self) -> Node | None:
        if self._began is None:
            return None
        start = {"@type": "xsd:dateTime", "@value": times.write_datetime(self._began)}
        return {"@type": "dct:PeriodOfTime", "dcat:startDate": start}


def _shared(base: str, settings: OpenDataSettings) -> Node:
    """Return whose it is, and where to ask."""
    return {
        "dct:publisher": {"@id": settings.publisher_url},
        "dcat:contactPoint": {"@id": f"{base}#contact"},
    }


def _publisher(base: str, settings: OpenDataSettings) -> Node:
    return {"@id": settings.publisher_url, "@type": "foaf:Agent", "foaf:name": settings.publisher}


def _contact(base: str, settings: OpenDataSettings) -> Node:
    kind = "vcard:hasEmail" if settings.contact.startswith("mailto:") else "vcard:hasURL"
    return {
        "@id": f"{base}#contact",
        "@type": "vcard:Organization",
        "vcard:fn": settings.publisher,
        kind: {"@id": settings.contact},
    }


def _spatial(streams: Sequence[OpenStream]) -> Node | None:
    """Return the box in which the nodes stand; None where no place is known."""
    places = [
        (each.longitude, each.latitude)
        for each in streams
        if each.longitude is not None and each.latitude is not None
    ]
    if not places:
        return None
    (west, south), (east, north) = (tuple(map(pick, zip(*places, strict=True))) for pick in (min, max))
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    text = ", ".join(f"{longitude} {latitude}" for longitude, latitude in corners)
    return {
        "@type": "dct:Location",
        "dcat:bbox": {"@type": "geo:wktLiteral", "@value": f"POLYGON(({text}))"},
    }


def _file(kind: str) -> Node:
    return {"@id": f"{_EU}file-type/{kind}"}


def _words(nb: str, en: str) -> list[Node]:
    return [{"@language": "nb", "@value": nb}, {"@language": "en", "@value": en}]
