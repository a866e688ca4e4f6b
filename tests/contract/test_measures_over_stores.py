"""Rules of all measures raise the same alerts over every trend store, however posts are cut and series divided."""

from collections.abc import Iterator, Sequence

import pytest

from alerts.events import decode_alert
from alerts.votes import Minute
from stream.stores.memory import MemoryTrends
from stream.stores.protocols import Counted, SeriesVote, TrendStore
from stream.trends import Closer
from tests.alerts.test_measures import HISTORY, RULES
from tests.alerts.votes_of_days import DAY_MIN, START_MIN
from tests.contract.counted import Make

FROM_MIN, END_MIN = START_MIN + DAY_MIN, START_MIN + 4 * DAY_MIN


def posts_of(minutes: Sequence[Minute]) -> Iterator[Counted]:
    """The posts behind the votes, in order of received time; a late post for each that is counted as stale."""
    for one in minutes:
        series_of: dict[str, list[str]] = {}
        votes_of = {}
        for series, votes in one.votes.items():
            for vote in votes:
                series_of.setdefault(vote.id, []).append(series)
                votes_of[vote.id] = vote
        for post in sorted(votes_of):
            vote = votes_of[post]
            heard = tuple(
                SeriesVote(name, 0 if vote.negative else 1, -800 if vote.negative else 0, True)
                for name in series_of[post]
            )
            for copy in range(vote.posts):
                name, excerpt = (post, one.excerpts[post]) if copy == 0 else (f"{post}-{copy}", b"")
                yield Counted(
                    name, vote.received_ms, vote.received_ms, vote.story, copy == 0, False, heard, excerpt,
                    teller=vote.source,
                )  # fmt: skip
        for series, number in one.stale.items():
            for n in range(number):
                at_ms = one.minute * 60_000
                yield Counted(
                    f"late {series} {at_ms} {n}", at_ms, 0, "old", False, True, (SeriesVote(series, 1, 0, True),), b""
                )


POSTS = list(posts_of([one for one in HISTORY if one.minute >= FROM_MIN]))


def raised(store: TrendStore, batch: int) -> list[bytes]:
    worker, sent = Closer(store, RULES, "a", lambda: 0), []
    for start in range(0, len(POSTS), batch):
        store.count(POSTS[start : start + batch])
        store.progress({0: POSTS[min(start + batch, len(POSTS)) - 1].received_ms // 60_000 * 60_000})
        worker.close(1)
        sent += worker.outbox()
        worker.confirm(worker.outbox())
    store.progress({0: END_MIN * 60_000})
    worker.close(1)
    return sorted(item.value for item in [*sent, *worker.outbox()])


@pytest.mark.slow
def test_all_measures_raise_the_same_alerts_whatever_the_store(make: Make) -> None:
    alerts = raised(MemoryTrends(), len(POSTS))
    assert {decode_alert(alert).rule.id for alert in alerts} == {rule.id for rule in RULES}
    assert raised(make(2), 700) == alerts
