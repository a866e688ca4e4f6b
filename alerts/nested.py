"""When a wider series only repeats what a narrower one has told: one company's surge that lifts its sector is the same
news, three companies' is the sector's own. Which wider incident holds a narrower one is `market`'s business.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from alerts.events import Alert, Driver, SeriesRef, Severity
from alerts.lifecycle import rank

MOST: Final = 2 / 3  # of the wider's negatives beyond the usual, that must be the narrower's


class _Narrow(msgspec.Struct, frozen=True, array_like=True):
    """An open incident of a company or of a topic of one, as it was told last."""

    kind: str
    key: str
    severity: Severity
    usual: float  # negatives a minute


class Nest(msgspec.Struct, array_like=True):
    """What is open of one rule: the incidents of companies and their topics, and of all those that were told by a
    narrower one, by which."""

    narrow: dict[str, _Narrow] = {}
    told_by: dict[str, str] = {}

    def take(self, alert: Alert, sectors: Mapping[str, str], *, held: bool) -> str | None:
        """The narrower incident that has told this alert's surge already, at least as severely; None where there is
        none, and where a wider one holds the alert.

        Asked anew at each event that raises it: once it is more than what was told, the rest of it is told.
        """
        told_by = self.told_by.pop(alert.incident, None)
        if alert.event == "fired" or (alert.event == "escalated" and told_by is not None):
            told_by = None if held else self._narrower(alert, sectors)
        if told_by is not None and alert.event != "resolved":
            self.told_by[alert.incident] = told_by
        if alert.event == "resolved":
            self.narrow.pop(alert.incident, None)
        elif alert.series.kind in ("issuer", "issuer_topic"):
            usual = alert.measured.expected / alert.measured.window_minutes
            self.narrow[alert.incident] = _Narrow(alert.series.kind, alert.series.key, alert.severity, usual)
        return told_by

    def _narrower(self, alert: Alert, sectors: Mapping[str, str]) -> str | None:
        """The open incident that explains most of the alert, ties by id."""
        found = alert.measured
        beyond = found.negatives - found.expected
        parts = [
            (part - one.usual * found.window_minutes, incident)
            for incident, one in sorted(self.narrow.items())
            if (part := found.negatives * _share(alert, one, sectors)) and rank(one.severity) >= rank(alert.severity)
        ]
        most, incident = max(parts, default=(0.0, None))
        return incident if beyond > 0 and most >= MOST * beyond else None


def _share(alert: Alert, one: _Narrow, sectors: Mapping[str, str]) -> float:
    """Which share of the alert's negatives is the narrower series'; 0 where it does not hold it."""
    symbol, _, topic = one.key.partition("|")
    if not _holds(alert.series, one, sectors):
        return 0.0
    of_topics = alert.series.kind == "issuer"
    drivers = alert.drivers.topics if of_topics else alert.drivers.companies
    return _share_of(drivers, topic if of_topics else symbol)


def _holds(wide: SeriesRef, one: _Narrow, sectors: Mapping[str, str]) -> bool:
    symbol, _, topic = one.key.partition("|")
    if one.kind == "issuer_topic":
        return (wide.kind, wide.key) in (("issuer", symbol), ("topic", topic))
    if wide.kind == "sector":
        return sectors.get(symbol) == wide.key
    return wide.kind in ("topic", "source", "market")


def _share_of(drivers: tuple[Driver, ...], name: str) -> float:
    return next((driver.share for driver in drivers if driver.id == name), 0.0)
