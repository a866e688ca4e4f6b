"""Claims about delivery as timelines: what people get when alerts repeat, receivers fail and processes die."""

import threading
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.dispatcher import ATTEMPTS, DOWN_AFTER, PATIENCE_S, Delivery, Dispatcher
from alerts.events import Alert
from alerts.incidents import SentLog
from alerts.message import Message, render
from alerts.notify.channels import Channel
from alerts.notify.testing import ScriptedChannel, busy, refused
from stream.stores.memory_incidents import MemoryIncidents
from tests.alerts.examples import alert, episode


class Killed(BaseException):
    """The process dies."""


class DyingLog:
    """A sent-log whose process dies before its first mark."""

    def __init__(self, under: SentLog) -> None:
        self._under = under

    def was_sent(self, alert_id: str, channel: str) -> bool:
        return self._under.was_sent(alert_id, channel)

    def mark_sent(self, alert_id: str, channel: str) -> None:
        raise Killed


class DyingBook(MemoryIncidents):
    """A book whose process dies once, right after it took the alerts."""

    died = False

    def apply(self, alerts: Sequence[Alert]) -> list[bool]:
        fresh = super().apply(alerts)
        if not self.died:
            self.died = True
            raise Killed
        return fresh


class Setting:
    """A dispatcher over memory, with waits recorded."""

    def __init__(self, *channels: Channel, book: MemoryIncidents | None = None, log: SentLog | None = None) -> None:
        self.book = book or MemoryIncidents()
        self.waits: list[float] = []
        self.dispatcher = Dispatcher(
            self.book, log or self.book, channels, render, sleep=self.waits.append, jitter=lambda: 0.0
        )

    def send(self, *alerts: Alert) -> list[Delivery]:
        return self.dispatcher.dispatch(alerts)


def taken(channel: ScriptedChannel) -> list[str]:
    return [one.id for _, one in channel.taken]


def test_an_episode_is_three_messages_and_one_incident() -> None:
    people = ScriptedChannel("people")
    setting = Setting(people)
    for one in episode():
        assert [d.outcome for d in setting.send(one)] == ["sent"]
    assert [m.subject.rpartition(" · ")[2] for m, _ in people.taken] == ["warning", "escalated to critical", "resolved"]
    assert [one.state for one in setting.book.list(10)] == ["resolved"]


def test_what_a_wider_incident_holds_interrupts_only_when_it_is_critical() -> None:
    people = ScriptedChannel("people")
    setting = Setting(people)
    market = alert(incident="market")
    member, grave = episode("member")[0], episode("member")[1]
    held, told = (msgspec.structs.replace(one, parent="market") for one in (member, grave))
    assert [d.outcome for d in setting.send(market, held, told)] == ["sent", "held", "sent"]
    assert taken(people) == [market.id, told.id]
    assert {one.id: one.parent for one in setting.book.list(10)} == {"market": None, "member": "market"}


def test_the_end_of_what_began_in_a_history_is_not_told_but_what_is_added_to_it_is() -> None:
    people = ScriptedChannel("people")
    setting = Setting(people)
    assert [d.outcome for d in setting.send(episode("quiet")[2])] == ["held"]
    assert [d.outcome for d in setting.send(*episode("grown")[1:])] == ["sent", "sent"]
    assert [one.state for one in setting.book.list(10)] == ["resolved", "resolved"]


def test_what_a_narrower_incident_has_told_is_not_sent_however_grave() -> None:
    people = ScriptedChannel("people")
    sector = msgspec.structs.replace(alert(severity="critical"), told_by="company")
    assert [d.outcome for d in Setting(people).send(sector)] == ["held"]
    assert taken(people) == []


def test_a_repeated_alert_is_not_sent_again() -> None:
    people = ScriptedChannel("people")
    setting = Setting(people)
    fired, escalated, _ = episode()
    setting.send(fired, fired)
    again = setting.send(fired, escalated)
    assert [d.outcome for d in again] == ["repeated", "sent"]
    assert taken(people) == [fired.id, escalated.id]


def test_a_kill_between_book_and_send_loses_nothing() -> None:
    people = ScriptedChannel("people")
    book = DyingBook()
    with pytest.raises(Killed):
        Setting(people, book=book).send(alert())
    assert taken(people) == []
    Setting(people, book=book).send(alert())
    assert taken(people) == [alert().id]


def test_a_kill_between_send_and_mark_repeats_one_message_and_loses_none() -> None:
    people = ScriptedChannel("people")
    book = MemoryIncidents()
    alerts = [alert(incident=f"i{n}") for n in range(3)]
    with pytest.raises(Killed):
        Setting(people, book=book, log=DyingLog(book)).send(*alerts)
    Setting(people, book=book).send(*alerts)
    assert taken(people) == [alerts[0].id, *(one.id for one in alerts)]


def test_a_fault_that_passes_is_tried_again_with_growing_waits() -> None:
    people = ScriptedChannel("people", [busy(), busy(), busy()])
    setting = Setting(people)
    (delivery,) = setting.send(alert())
    assert (delivery.outcome, delivery.attempts) == ("sent", 4)
    assert setting.waits == [1.0, 2.0, 4.0]


def test_waits_are_jittered_within_a_half() -> None:
    waits: list[float] = []
    people = ScriptedChannel("people", [busy()])
    book = MemoryIncidents()
    Dispatcher(book, book, [people], render, sleep=waits.append, jitter=lambda: 0.5).dispatch([alert()])
    assert waits == [0.75]


def test_what_the_receiver_asked_to_wait_is_waited() -> None:
    people = ScriptedChannel("people", [busy(retry_after_s=30)])
    setting = Setting(people)
    assert setting.send(alert())[0].outcome == "sent"
    assert setting.waits == [30]


def test_a_receiver_that_asks_for_very_long_is_left_to_a_later_call() -> None:
    people = ScriptedChannel("people", [busy(retry_after_s=PATIENCE_S + 1)])
    setting = Setting(people)
    first, second = setting.send(alert(incident="a"), alert(incident="b"))
    assert (first.outcome, first.recoverable, first.retry_after_s) == ("failed", True, PATIENCE_S + 1)
    assert (second.outcome, second.attempts) == ("failed", 0)
    assert setting.waits == []


def test_a_refusal_is_not_tried_again_and_does_not_hold_the_next() -> None:
    people = ScriptedChannel("people", [refused()])
    first, second = Setting(people).send(alert(incident="a"), alert(incident="b"))
    assert (first.outcome, first.attempts, first.recoverable, first.error) == ("failed", 1, False, "refused")
    assert second.outcome == "sent"


def test_a_dead_channel_stops_no_other() -> None:
    dead, people = ScriptedChannel("dead", [busy()] * 100), ScriptedChannel("people")
    alerts = [alert(incident=f"i{n}") for n in range(10)]
    deliveries = Setting(dead, people).send(*alerts)
    assert taken(people) == [one.id for one in alerts]
    lost = [d for d in deliveries if d.channel == "dead"]
    assert [d.attempts for d in lost] == [ATTEMPTS, *[1] * (DOWN_AFTER - 1), *[0] * (10 - DOWN_AFTER)]
    assert all(d.outcome == "failed" and d.recoverable for d in lost)
    assert {d.error for d in lost} == {"busy", "not tried; busy"}


def test_a_failed_delivery_is_sent_by_the_next_call() -> None:
    people = ScriptedChannel("people", [busy()] * ATTEMPTS)
    setting = Setting(people)
    assert setting.send(alert())[0].outcome == "failed"
    assert setting.send(alert())[0].outcome == "sent"
    assert taken(people) == [alert().id]


def test_channels_are_served_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=10)

    class Meeting(ScriptedChannel):
        def send(self, message: Message, alert: Alert) -> None:
            meeting.wait()
            super().send(message, alert)

    assert {d.outcome for d in Setting(Meeting("a"), Meeting("b")).send(alert())} == {"sent"}


def test_a_bug_in_one_channel_is_a_failed_delivery(caplog: pytest.LogCaptureFixture) -> None:
    broken, people = ScriptedChannel("broken", [KeyError("x")]), ScriptedChannel("people")
    first, second = Setting(broken, people).send(alert())
    assert (first.outcome, first.recoverable, first.error) == ("failed", False, "broken: KeyError, see the log")
    assert second.outcome == "sent"
    assert "cannot be sent by broken" in caplog.text


def test_without_channels_the_book_is_still_kept() -> None:
    setting = Setting()
    assert setting.send(alert()) == []
    assert setting.book.get("inc-1") is not None


FAULTS = st.lists(st.sampled_from([None, "busy", "killed"]), max_size=30)


@given(FAULTS)
def test_whatever_fails_nothing_is_lost_and_each_kill_repeats_at_most_one(faults: list[str | None]) -> None:
    alerts = [alert(incident=f"i{n}") for n in range(4)]
    people = ScriptedChannel("people", [busy() if fault == "busy" else None for fault in faults])
    book = MemoryIncidents()
    kills = 0
    for fault in [*faults, None, None]:
        try:
            Setting(people, book=book, log=DyingLog(book) if fault == "killed" else book).send(*alerts)
        except Killed:
            kills += 1
    # a script may hold more faults than the calls above could use up
    while any(d.outcome == "failed" for d in Setting(people, book=book).send(*alerts)):
        pass
    assert set(taken(people)) == {one.id for one in alerts}
    assert len(taken(people)) <= len(alerts) + kills
