"""One suite over every incident book and sent-log: in memory and in a real Redis."""

import threading
from collections.abc import Iterator
from typing import Protocol

import msgspec
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alerts.events import Alert, Member
from alerts.incidents import IncidentStore, SentLog, apply
from stream.errors import ServerUnavailable
from stream.stores.memory_incidents import MemoryIncidents
from stream.stores.redis_incidents import RedisIncidents
from tests.alerts.examples import alert, episode


class Book(IncidentStore, SentLog, Protocol):
    """Both halves in one."""


class Contract:
    def test_alerts_become_their_incident(self, book: Book) -> None:
        fired, escalated, resolved = episode()
        assert book.apply([fired, escalated]) == [True, True]
        assert book.apply([resolved]) == [True]
        found = book.get("inc-1")
        assert found == apply(apply(apply(None, fired), escalated), resolved)

    def test_only_new_alert_ids_are_new(self, book: Book) -> None:
        fired, escalated, _ = episode()
        assert book.apply([fired, fired, escalated]) == [True, False, True]
        assert book.apply([escalated, fired]) == [False, False]

    def test_nothing_in_nothing_out(self, book: Book) -> None:
        assert book.apply([]) == []
        assert book.get("absent") is None
        assert book.list(10) == []

    def test_the_last_opened_is_listed_first(self, book: Book) -> None:
        book.apply([alert(minute=m, incident=f"i{m}") for m in (10, 30, 20)])
        assert [one.id for one in book.list(10)] == ["i30", "i20", "i10"]
        assert [one.id for one in book.list(2)] == ["i30", "i20"]
        assert book.list(0) == []

    def test_ties_are_listed_by_id(self, book: Book) -> None:
        book.apply([alert(incident=name) for name in ("b", "c", "a")])
        assert [one.id for one in book.list(10)] == ["c", "b", "a"]

    def test_a_list_can_be_of_one_state(self, book: Book) -> None:
        book.apply([*episode("done"), alert(incident="live")])
        assert [one.id for one in book.list(10, "open")] == ["live"]
        assert [one.id for one in book.list(10, "resolved")] == ["done"]
        assert book.list(10, "acknowledged") == []

    def test_a_thousand_alerts_at_once_are_a_thousand_incidents(self, book: Book) -> None:
        alerts = [alert(incident=f"i{n:04d}") for n in range(1000)]
        assert all(book.apply(alerts))
        assert len(book.list(2000)) == 1000

    def test_two_writers_lose_nothing(self, book: Book) -> None:
        alerts = [alert("fired" if m == 0 else "escalated", m) for m in range(40)]
        fresh: list[bool] = []

        def write(part: list[Alert]) -> None:
            for one in part:
                fresh.extend(book.apply([one]))

        threads = [threading.Thread(target=write, args=(part,)) for part in (alerts[::2], alerts[1::2], alerts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = book.get("inc-1")
        assert found is not None
        assert [event.alert for event in found.timeline] == [one.id for one in alerts]
        assert sum(fresh) == len(alerts)

    def test_a_market_incident_keeps_its_members_and_they_their_parent(self, book: Book) -> None:
        members = tuple(Member(f"C{n}", f"inc-{n}") for n in range(200))
        market = msgspec.structs.replace(alert(incident="market"), members=members)
        held = [msgspec.structs.replace(one, parent="market") for one in episode("inc-7")]
        assert all(book.apply([held[2], market, *held[:2]]))
        parent, child = book.get("market"), book.get("inc-7")
        assert parent is not None
        assert child is not None
        assert (parent.parent, parent.raised.members) == (None, members)
        assert (child.parent, child.state) == ("market", "resolved")

    def test_a_mark_is_of_one_alert_and_one_channel(self, book: Book) -> None:
        assert not book.was_sent("a", "mail")
        book.mark_sent("a", "mail")
        book.mark_sent("a", "mail")
        assert book.was_sent("a", "mail")
        assert not book.was_sent("a", "hook")
        assert not book.was_sent("b", "mail")


class TestMemory(Contract):
    @pytest.fixture
    def book(self) -> Book:
        return MemoryIncidents()


class TestRedis(Contract):
    @pytest.fixture
    def book(self, redis_url: str, prefix: str) -> Iterator[Book]:
        with redis.Redis.from_url(redis_url) as client:
            yield RedisIncidents(client, prefix)


def test_a_missing_redis_is_said_in_one_line() -> None:
    with redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as client:
        book = RedisIncidents(client)
        for call in (lambda: book.apply([alert()]), lambda: book.get("x"), lambda: book.was_sent("a", "b")):
            with pytest.raises(ServerUnavailable, match=r"Redis at localhost:1 does not serve .*groundswell up"):
                call()
