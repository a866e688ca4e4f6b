"""Claims about outages, restarts and clocks in the closing of minutes: what was published in an outage fires nothing
when it comes, a restart anywhere sends every alert once, and no clock of a worker changes an alert.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.embedded import Spine
from stream.records import Entity, EntitySentiment, Opinion
from stream.stores.memory import MemoryTrends
from stream.times import HOUR_MS, MINUTE_MS, format_ms
from stream.trends import LEASE_MS, Sendable
from tests.alerts.votes_of_days import DAY_MIN, RULE, START_MIN, days
from tests.examples import examples
from tests.stream.test_audit import opinion
from tests.stream.test_trends import DOCS, END_MS, WHOLE, Hand, closer, take

OUT_MIN, BACK_MIN = START_MIN + 2 * DAY_MIN + 300, START_MIN + 2 * DAY_MIN + 660


@examples(15)
@given(
    moments=st.lists(st.tuples(st.integers(0, len(DOCS)), st.integers(-3_600_000, 3_600_000)), max_size=12),
    shards=st.sampled_from([1, 3]),
)
@pytest.mark.slow
def test_workers_that_come_and_go_under_clocks_that_jump_send_every_alert_once_and_the_same(
    moments: list[tuple[int, int]], shards: int
) -> None:
    store, clock, counted = MemoryTrends(shards), Hand(10**9), 0
    sent: list[Sendable] = []
    for number, (upto, jump_ms) in enumerate([*sorted(moments), (len(DOCS), 0)]):
        store.count(DOCS[counted:upto])
        counted = upto
        store.progress({0: DOCS[upto].received_ms if upto < len(DOCS) else END_MS})
        worker = closer(store, f"worker-{number}", clock)
        sent += take(worker)
        clock.ms += jump_ms
        sent += take(worker)
        worker.release()
    assert len({item.alert_id for item in sent}) == len(sent)
    assert sorted(item.value for item in sent) == sorted(item.value for item in WHOLE)


def test_a_worker_that_died_under_a_clock_far_ahead_is_followed_once_its_lease_has_run_out_by_that_clock() -> None:
    store, ahead, right = MemoryTrends(), Hand(10**9 + HOUR_MS), Hand(10**9)
    store.count(DOCS)
    store.progress({0: END_MS})
    dead, heir = closer(store, "dead", ahead), closer(store, "heir", right)
    dead.close(1)
    right.ms += HOUR_MS + LEASE_MS
    assert [item.value for item in take(heir)] == [item.value for item in WHOLE]


def opinions_of(seed: int) -> list[Opinion]:
    """Days of four companies as opinions. In the outage nothing is received; what was published in it comes in the
    minute after."""
    found = []
    for minute in days(seed, 3, companies=4):
        for series, votes in minute.votes.items():
            out = OUT_MIN <= minute.minute < BACK_MIN
            for vote in votes:
                mood = EntitySentiment("negative", -0.9) if vote.negative else EntitySentiment("neutral", 0.0)
                company = Entity(series.partition(":")[2], None, None, None, None, "tag", 1.0, mood)
                received_ms = BACK_MIN * MINUTE_MS if out else vote.received_ms
                post = msgspec.structs.replace(
                    opinion(f"{vote.id}-{series}"),
                    published_at=format_ms(vote.received_ms),
                    received_at=format_ms(received_ms),
                    entities=(company,),
                )
                found.append(post)
    return sorted(found, key=lambda one: (one.received_at, one.id))


@pytest.mark.slow
def test_posts_published_in_an_outage_and_received_at_once_after_it_fire_nothing() -> None:
    for seed in range(6):
        spine = Spine(None, [RULE], {}, None)
        alerts = [*spine.take(opinions_of(seed)), *spine.finish()]
        late = [one for one in alerts if one.evaluated_at >= format_ms(OUT_MIN * MINUTE_MS)]
        assert [one for one in late if one.event == "fired"] == [], seed
        bands = spine.trends.bands("issuer:C0", 300)
        back = next(band for band in bands if band.start_ms == BACK_MIN * MINUTE_MS)
        assert 4 < back.total < 30  # an hour's nine stories vote at once, the five hours before it are stale
        assert not [band for band in bands if (OUT_MIN + 60) * MINUTE_MS < band.start_ms < BACK_MIN * MINUTE_MS]
