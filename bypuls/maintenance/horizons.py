"""From when on raw readings are kept."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from bypuls.settings import DEFAULT_QUANTITY


def horizons(raw_days: Mapping[str, int], quantities: Iterable[str], now: datetime) -> dict[str, datetime]:
    """Return for each quantity that isn't kept for ever the midnight (UTC) before which readings may go.

    `raw_days` are full days by quantity, or by "default".
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    default = raw_days.get(DEFAULT_QUANTITY)
    days = {quantity: raw_days.get(quantity, default) for quantity in quantities}
    return {quantity: midnight - timedelta(days=kept) for quantity, kept in days.items() if kept is not None}
