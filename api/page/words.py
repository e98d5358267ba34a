"""What the page says, besides the sentence: one table, for the templates and for the scripts."""

from typing import Protocol

from api.page.language import Language

_WORDS: dict[str, tuple[str, str]] = {
    # key: bokmål, English; {…} is filled in
    "title": ("Slik er {town} nå", "How {town} is now"),
    "description": (
        "Luft, vær, elver, støy og trafikk i {town}, målt akkurat nå.",
        "Air, weather, rivers, noise and traffic in {town}, measured right now.",
    ),
    "skip": ("Hopp til målingene", "Skip to the readings"),
    "open_data": ("Åpne data", "Open data"),
    "documentation": ("API-dokumentasjon", "API documentation"),
    "other_language": ("English", "Norsk"),
    "appearance": ("Utseende", "Appearance"),
    "system": ("Som enheten", "As device"),
    "light": ("Lyst", "Light"),
    "dark": ("Mørkt", "Dark"),
    "as_of": ("Slik målerne viste kl. {time}", "As the sensors showed at {time}"),
    "evidence": ("Hva dette bygger på", "What this rests on"),
    "basis_none": ("ingen måling siden {begin}", "no reading since {begin}"),
    "basis_last": ("målt {begin}", "measured {begin}"),
    "basis_mean": ("middel av {n} målinger, {begin}–{end}", "mean of {n} readings, {begin}–{end}"),
    "basis_sum": ("sum av {n} målinger, {begin}–{end}", "sum of {n} readings, {begin}–{end}"),
    "basis_max": ("høyeste av {n} målinger, {begin}–{end}", "highest of {n} readings, {begin}–{end}"),
    "basis_count": ("så mange målinger {begin}–{end}", "so many readings {begin}–{end}"),
    "basis_rate": ("økning per time, {begin}–{end}", "increase an hour, {begin}–{end}"),
    "basis_usual_p10": ("lavere er uvanlig for timen", "less is unusual for this hour"),
    "basis_usual_p50": ("vanlig for timen", "usual for this hour"),
    "basis_usual_p90": ("høyere er uvanlig for timen", "more is unusual for this hour"),
    "basis_yellow": ("gul grense", "yellow threshold"),
    "basis_orange": ("oransje grense", "orange threshold"),
    "basis_red": ("rød grense", "red threshold"),
    "themes": ("Tema", "Topic"),
    "all": ("Alt", "All"),
    "map": ("Kart over målerne", "Map of the sensors"),
    "map_note": (
        "Kartet viser det samme som listen ved siden av, og listen kan brukes med tastatur og skjermleser.",
        "The map shows the same as the list beside it, and the list works with keyboard and screen reader.",
    ),
    "zoom_in": ("Zoom inn", "Zoom in"),
    "zoom_out": ("Zoom ut", "Zoom out"),
    "list": ("Siste målinger", "Latest readings"),
    "place": ("Sted", "Place"),
    "measured": ("Måling", "Quantity"),
    "value": ("Verdi", "Value"),
    "age": ("Alder", "Age"),
    "owner": ("Eier", "Owner"),
    "licence": ("Lisens", "Licence"),
    "coverage": ("Dekning siste døgn", "Coverage, last 24 hours"),
    "coverage_text": (
        "{percent} % av målingene som var ventet, er kommet",
        "{percent} % of the expected readings have arrived",
    ),
    "coverage_unknown": (
        "ukjent, fordi ingen har oppgitt hvor ofte det måles",
        "unknown, as nobody has said how often it measures",
    ),
    "close": ("Lukk", "Close"),
    "chart": ("Siste døgn mot det vanlige", "The last 24 hours against the usual"),
    "by_hour_mean": ("timesmiddel", "hourly mean"),
    "by_hour_sum": ("sum per time", "sum per hour"),
    "by_hour_increase": ("økning per time", "increase per hour"),
    "by_hour_share": ("andel av timen", "share of the hour"),
    "this_day": ("Siste døgn", "Last 24 hours"),
    "usual": ("Vanlig", "Usual"),
    "usual_range": (
        "Feltet er hva som er vanlig for timen og ukedagen: der ligger verdien 8 av 10 ganger.",
        "The band is what is usual for the hour and weekday: 8 times in 10 the value lies in it.",
    ),
    "usual_day": (
        "Feltet er hva som er vanlig for timen, uansett ukedag.",
        "The band is what is usual for the hour, on any day of the week.",
    ),
    "usual_none": (
        "Det finnes for lite historikk til å si hva som er vanlig.",
        "There is too little history to tell what is usual.",
    ),
    "usual_direction": (
        "For retninger regnes det ikke ut hva som er vanlig.",
        "What is usual is not worked out for directions.",
    ),
    "chart_summary": (
        "Lavest {low}, høyest {high}, sist {last}.",
        "Lowest {low}, highest {high}, latest {last}.",
    ),
    "chart_usual_now": ("Vanlig for denne timen: {low} til {high}.", "Usual for this hour: {low} to {high}."),
    "chart_failed": ("Diagrammet kunne ikke hentes.", "The chart could not be fetched."),
    "chart_empty": ("Ingen målinger det siste døgnet.", "No readings in the last 24 hours."),
    "chart_table": ("Timene som tabell", "The hours as a table"),
    "hour": ("Time", "Hour"),
    "choose": ("Velg måling for diagrammet", "Choose the quantity of the chart"),
    "get_data": ("Hent dataene", "Get the data"),
    "csv": ("Siste døgn som CSV", "The last 24 hours as CSV"),
    "call": ("API-kall", "API call"),
    "copy": ("Kopier", "Copy"),
    "copied": ("Kopiert", "Copied"),
    "copy_failed": ("Merk teksten og kopier den selv", "Select the text and copy it yourself"),
    "live": ("Direkte", "Live"),
    "connecting": ("Kobler til …", "Connecting …"),
    "lost": (
        "Forbindelsen er brutt. Vi prøver igjen; tallene er fra {time}.",
        "The connection is lost. Trying again; the figures are from {time}.",
    ),
    "lost_never": ("Forbindelsen er brutt. Vi prøver igjen.", "The connection is lost. Trying again."),
    "stale": (
        "Det kommer ikke inn nye målinger. De siste er fra {time}.",
        "No new readings are coming in. The latest are from {time}.",
    ),
    "database_away": (
        "Databasen svarer ikke. Tallene er fra {time}.",
        "The database does not answer. The figures are from {time}.",
    ),
    "paused": ("Ikke oppdatert", "Not up to date"),
    "without_script": (
        "Uten JavaScript oppdateres siden ikke av seg selv. Last den på nytt for ferske tall.",
        "Without JavaScript this page does not update itself. Reload it for fresh figures.",
    ),
    "calm": ("Rolig", "Calm"),
    "notice": ("Følg med", "Take note"),
    "warning": ("Varsel", "Warning"),
    "alarm": ("Alvorlig", "Severe"),
    "silent": ("Sender ikke", "Silent"),
    "legend": ("Tegnforklaring", "Legend"),
    "doubtful": ("tvilsom måling", "doubtful reading"),
    "now": ("nå", "now"),
    "seconds": ("{n} s siden", "{n} s ago"),
    "minutes": ("{n} min siden", "{n} min ago"),
    "hours": ("{n} t siden", "{n} h ago"),
    "days": ("{n} d siden", "{n} d ago"),
    "of": ("{part} av {whole}", "{part} of {whole}"),
    "inbound": ("inn", "in"),
    "outbound": ("ut", "out"),
    "entrance": ("inn", "in"),
    "exit": ("ut", "out"),
    "occupancy_0": ("ledig", "free"),
    "occupancy_1": ("opptatt", "taken"),
    "lamp_state_0": ("av", "off"),
    "lamp_state_1": ("på", "on"),
    "statistic_min": ("laveste", "lowest"),
    "statistic_max": ("høyeste", "highest"),
    "compass": ("N NØ Ø SØ S SV V NV", "N NE E SE S SW W NW"),
    "no_data": (
        "Ingen åpne målinger ennå. Så snart en måler sender, står den her.",
        "No open readings yet. As soon as a sensor sends, it stands here.",
    ),
    "credit": ("Kommunegrenser", "Municipality outlines"),
    "about": (
        "Tallene kommer rett fra målerne, og er ikke kvalitetssikret av noen. Bypuls er fri programvare.",
        "The figures come straight from the sensors, and nobody has reviewed them. Bypuls is free software.",
    ),
    "away_title": ("Siden er snart tilbake", "The page will soon be back"),
    "away": (
        "Databasen med målingene svarer ikke. Siden prøver igjen om {seconds} sekunder.",
        "The database with the readings does not answer. The page tries again in {seconds} seconds.",
    ),
    "home": ("Til forsiden", "To the front page"),
    # The page of open data.
    "open_lead": (
        "Alt som står her, kan du bruke fritt. Du trenger ingen avtale og ingen nøkkel.",
        "All that is listed here is yours to use. You need no agreement and no key.",
    ),
    "open_count": (
        "{streams} måleserier fra {nodes} målere, oppdatert fortløpende.",
        "{streams} series from {nodes} sensors, updated continuously.",
    ),
    "open_ways": ("Slik henter du dem", "How to get them"),
    "open_series": ("Måleserier", "Series"),
    "way_latest": ("Siste verdi i hver serie", "The latest value of each series"),
    "way_geojson": ("Det samme som GeoJSON, for kart", "The same as GeoJSON, for maps"),
    "way_readings": ("Målingene i en serie, som CSV", "The readings of a series, as CSV"),
    "way_series": ("Timesmidler, som CSV", "Hourly means, as CSV"),
    "way_live": ("Direkte, som hendelser fra tjeneren", "Live, as server-sent events"),
    "way_summary": ("Setningen på forsiden, som JSON", "The sentence of the front page, as JSON"),
    "way_dcat": (
        "Beskrivelsen for data.norge.no (DCAT-AP-NO)",
        "The description for data.norge.no (DCAT-AP-NO)",
    ),
    "series": ("Serie", "Series"),
    "unit": ("Enhet", "Unit"),
    "interval": ("Hvor ofte", "How often"),
    "fetch": ("Hent", "Get"),
    "unknown": ("ukjent", "unknown"),
    "every_seconds": ("hvert {n}. sekund", "every {n} s"),
    "every_minutes": ("hvert {n}. minutt", "every {n} min"),
    "every_minute": ("hvert minutt", "every minute"),
    "every_hours": ("hver {n}. time", "every {n} h"),
    "every_hour": ("hver time", "every hour"),
}


class Named(Protocol):
    """What has a name in both languages."""

    @property
    def nb(self) -> str:
        """In bokmål."""

    @property
    def en(self) -> str:
        """In English."""


class Words:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        place = 0 if language is Language.NB else 1
        self.all = {key: pair[place] for key, pair in _WORDS.items()}

    def __call__(self, key: str, **values: object) -> str:
        """Return the words of a key with its places filled in; raises KeyError."""
        return self.all[key].format(**values)

    def pick(self, named: Named) -> str:
        """Return the name of something in this language."""
        return named.nb if self.language is Language.NB else named.en

    def find(self, key: str) -> str | None:
        """Return the words of a key, if there are any."""
        return self.all.get(key)


WORDS = {language: Words(language) for language in Language}
