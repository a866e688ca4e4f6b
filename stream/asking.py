"""Posts on their way to the cascade: which companies they are about, and which of these are in an incident in progress.

Who is asked, and what it may cost, is `classifier/cascade`'s; live only: replays and the demo ask nobody.
"""

import logging
from collections.abc import Callable, Sequence

from alerts.incidents import IncidentStore
from classifier.cascade.cascade import Cascade, Case
from classifier.judgements import Judgement
from stream.linking import COUNTS_FROM, Link, canonical_symbol
from stream.records import Post

log = logging.getLogger("groundswell")

SURGES_EVERY_S = 5.0
MOST_INCIDENTS = 200


class Asking:
    """A `stream.pipeline.SecondOpinion`: it never raises, and the model's own judgement stands where no answer came."""

    def __init__(self, cascade: Cascade, surging: Callable[[], frozenset[str]]) -> None:
        self._cascade, self._surging = cascade, surging

    def reconsider(
        self,
        posts: Sequence[Post],
        texts: Sequence[str],
        languages: Sequence[str],
        links: Sequence[Sequence[Link]],
        judged: Sequence[Judgement],
        now_ms: int,
    ) -> list[Judgement]:
        """See `stream.pipeline.SecondOpinion`."""
        cases = [
            Case(text, language, judgement, post.followers, symbols_of(found))
            for post, text, language, found, judgement in zip(posts, texts, languages, links, judged, strict=True)
        ]
        return self._cascade.reconsider(cases, self._surging(), now_ms)


class SurgesInProgress:
    """The companies of open and acknowledged incidents, read from the book every few seconds at most.

    Where the book cannot be read, those last known. `now_s` is any rising clock.
    """

    def __init__(self, book: IncidentStore, now_s: Callable[[], float], every_s: float = SURGES_EVERY_S) -> None:
        self._book, self._now_s, self._every_s = book, now_s, every_s
        self._read_s: float | None = None
        self._known: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        """Return their canonical symbols."""
        now_s = self._now_s()
        if self._read_s is None or now_s - self._read_s >= self._every_s:
            self._read_s = now_s
            try:
                self._known = self._read()
            except Exception as error:  # nothing here may stop the stream
                log.warning("surges in progress are those last known: %s", error)
        return self._known

    def _read(self) -> frozenset[str]:
        found = [*self._book.list(MOST_INCIDENTS, "open"), *self._book.list(MOST_INCIDENTS, "acknowledged")]
        return frozenset(
            one.series.key.partition("|")[0] for one in found if one.series.kind in ("issuer", "issuer_topic")
        )


def symbols_of(links: Sequence[Link]) -> frozenset[str]:
    """The companies that a post counts for, as canonical symbols."""
    return frozenset(one.symbol for one in links if one.symbol and one.confidence >= COUNTS_FROM)


def watched(watchlist: Sequence[str]) -> frozenset[str]:
    """A watchlist as people write it, as canonical symbols."""
    return frozenset(symbol for name in watchlist if (symbol := canonical_symbol(name)))
