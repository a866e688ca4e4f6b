"""Live, replay and embedded raise the same alerts, byte for byte, over the same opinions."""

import json
from collections import Counter
from pathlib import Path

import pytest

from alerts.events import encode_alert
from alerts.rules import load_rules
from deploy.local import StackInfo
from stream.embedded import Spine
from stream.exchanges import calendars_with
from stream.records import MARKER_HEADER, Opinion, decode_opinion
from tests.end_to_end.history import fourteen_days
from tests.end_to_end.running import Place

ROLES = ("classify", "trends")
WORKERS = ("a", "b")
pytestmark = pytest.mark.timeout(240)


def test_alerts_of_fourteen_days_are_byte_equal_live_replayed_and_embedded(
    stack: StackInfo, prefix: str, tmp_path: Path
) -> None:
    posts = fourteen_days()
    (tmp_path / "posts.jsonl").write_bytes(b"\n".join(posts))
    with Place(stack, prefix, tmp_path, clock="record") as place:
        place.create_topics()
        for role in ROLES:
            for worker in WORKERS:
                place.start(role, f"{role}-{worker}")
        place.wait(lambda: all(place.members(role) == len(WORKERS) for role in ROLES), "all workers to join", 60)
        produced = place.command("produce", "posts.jsonl", "--json")
        assert json.loads(produced.stdout) == {"sent": len(posts)}, produced.stderr
        place.wait_done("classify", place.topics.posts, 90)
        place.wait_done("trends", place.topics.opinions, 60)
        place.wait_closed(60)

        opinions = _opinions(place)
        assert len(opinions) == len(posts)
        live = _in_order([record.value or b"" for record in place.read(place.topics.alerts)])
        (tmp_path / "opinions.jsonl").write_bytes(b"\n".join(opinions.values()))
        replayed = place.command("replay", "--opinions", "opinions.jsonl", "--out", "replayed")
        assert replayed.returncode == 0, replayed.stderr

    events = Counter(json.loads(alert)["event"] for alert in live)
    assert events["fired"] >= 5
    assert events["escalated"] >= 1
    assert events["resolved"] >= 1
    assert _in_order((tmp_path / "replayed" / "alerts.jsonl").read_bytes().splitlines()) == live
    assert _in_order(_embedded(place, [decode_opinion(value) for value in opinions.values()])) == live


def _opinions(place: Place) -> dict[bytes, bytes]:
    """Post id -> the opinion that the live roles published first."""
    found: dict[bytes, bytes] = {}
    for record in place.read(place.topics.opinions):
        if record.value is not None and not any(name == MARKER_HEADER for name, _ in record.headers):
            found.setdefault(record.key or b"", record.value)
    return found


def _embedded(place: Place, opinions: list[Opinion]) -> list[bytes]:
    calendar_of = calendars_with(place.settings.calendar)
    spine = Spine(None, load_rules(place.settings.rules), place.settings.sources, None, calendar_of=calendar_of)
    ordered = sorted(opinions, key=lambda opinion: (opinion.received_at, opinion.id))
    alerts = [alert for start in range(0, len(ordered), 100) for alert in spine.take(ordered[start : start + 100])]
    return [encode_alert(alert) for alert in [*alerts, *spine.finish()]]


def _in_order(alerts: list[bytes]) -> list[bytes]:
    """Each alert once, by the minute it was evaluated at and its id."""
    by_id = {(alert["evaluated_at"], alert["id"]): raw for raw in alerts for alert in [json.loads(raw)]}
    return [raw for _, raw in sorted(by_id.items())]
