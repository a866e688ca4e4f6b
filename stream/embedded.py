"""The whole service in one process: the same stages over an in-memory log and stores, on the record clock. The demo
and the replay run on it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from alerts.calendars import CalendarOf, utc_hours
from alerts.events import Alert, decode_alert
from alerts.rules import Rule, heard_by
from classifier.inference import Classifier
from stream.cleaning import Sources
from stream.companies import SHIPPED
from stream.linking import Linker
from stream.pipeline import Judge, to_counts, to_opinions
from stream.records import DeadLetter, Message, Opinion
from stream.stores.memory import MemoryTrends
from stream.stores.memory_stories import MemoryStories
from stream.stores.protocols import DocumentStore, TrendStore
from stream.times import MINUTE_MS, parse_ms
from stream.trends import Closer


class Fed(NamedTuple):
    """What one batch brought."""

    opinions: list[Opinion]
    alerts: list[Alert]
    refused: list[DeadLetter]


class Spine:
    """Posts in, opinions and alerts out, in received time. Input must come in the order of received time."""

    def __init__(
        self,
        classifier: Classifier | None,
        rules: Sequence[Rule],
        sources: Sources,
        documents: DocumentStore | None,
        now_ms: Callable[[int], int] = lambda received_ms: received_ms,
        trends: TrendStore | None = None,
        sectors: Mapping[str, str] | None = None,
        linker: Linker = SHIPPED,
        calendar_of: CalendarOf = utc_hours,
    ) -> None:
        self.trends = trends or MemoryTrends()
        self.documents = documents
        self._sources = sources
        self._sectors = sectors or {}
        self._judge = (
            Judge(classifier, MemoryStories(), sources, "record", now_ms, linker=linker) if classifier else None
        )
        self._heard = heard_by(rules)
        self._closer = Closer(self.trends, rules, "embedded", lambda: 0, None, self._sectors, calendar_of)
        self._last_ms: int | None = None

    def feed(self, batch: Sequence[Message]) -> Fed:
        """Runs one batch of posts through all stages."""
        if self._judge is None:
            raise ValueError("no classifier was given; this spine takes opinions only")
        outcomes = to_opinions(batch, self._judge)
        opinions = [outcome for outcome in outcomes if isinstance(outcome, Opinion)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
        return Fed(opinions, self.take(opinions), refused)

    def take(self, opinions: Sequence[Opinion]) -> list[Alert]:
        """Runs opinions (those of a replay, say) through the stages after the classifier."""
        if not opinions:
            return []
        if self.documents is not None:
            self.documents.index(opinions)
        self.trends.count(to_counts(opinions, self._heard, self._sources, self._sectors))
        self._last_ms = parse_ms(opinions[-1].received_at)
        self.trends.progress({0: self._last_ms})
        return self._close()

    def finish(self) -> list[Alert]:
        """Says that nothing more comes: the last minute is closed too."""
        if self._last_ms is None:
            return []
        self.trends.progress({0: end_of_history(self._last_ms)})
        return self._close()

    def _close(self) -> list[Alert]:
        self._closer.close(partitions=1)
        waiting = self._closer.outbox()
        self._closer.confirm(waiting)
        return [decode_alert(item.value) for item in waiting]


def end_of_history(last_ms: int) -> int:
    """The progress that a history's final marker brings: the end of the minute of its last post, milliseconds."""
    return (last_ms // MINUTE_MS + 1) * MINUTE_MS
