"""A deployment taught from a history goes on live as one long replay does, byte for byte."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from deploy.local import StackInfo
from stream.records import MARKER_HEADER
from stream.times import HOUR_MS, parse_ms
from tests.end_to_end.history import FIRST_SURGE_H, fourteen_days
from tests.end_to_end.running import Place

ROLES = ("classify", "trends")
pytestmark = pytest.mark.timeout(240)


def test_live_alerts_after_a_warm_up_are_those_of_one_long_replay(
    stack: StackInfo, prefix: str, tmp_path: Path
) -> None:
    posts = fourteen_days()
    half = next(place for place, post in enumerate(posts) if _hours(post, posts[0]) > FIRST_SURGE_H + 0.6)
    (tmp_path / "history.jsonl").write_bytes(b"\n".join(posts[:half]))
    (tmp_path / "live.jsonl").write_bytes(b"\n".join(posts[half:]))
    with Place(stack, prefix, tmp_path, clock="record") as place:
        place.create_topics()
        taught = place.command("warm-up", "--posts", "history.jsonl", "--json")
        assert taught.returncode == 0, taught.stderr
        summary = json.loads(taught.stdout.splitlines()[-1])
        assert (summary["opinions"], summary["refused"]) == (half, 0)
        again = place.command("warm-up", "--posts", "history.jsonl")
        assert (again.returncode, again.stderr.count("\n")) == (1, 1)
        assert "has a state already" in again.stderr
        assert len(place.read(place.topics.state)) == summary["snapshots"] > 0
        assert place.read(place.topics.alerts) == []
        for role in ROLES:
            place.start(role, role)
        assert place.command("produce", "live.jsonl").returncode == 0
        place.wait_done("classify", place.topics.posts, 90)
        place.wait_done("trends", place.topics.opinions, 60)
        place.wait_closed(60)
        opinions = [
            record.value or b""
            for record in place.read(place.topics.opinions)
            if not any(name == MARKER_HEADER for name, _ in record.headers)
        ]
        live = _in_order(record.value or b"" for record in place.read(place.topics.alerts))
        (tmp_path / "opinions.jsonl").write_bytes(b"\n".join(opinions))
        for arguments in (
            ["--posts", "history.jsonl", "--out", "history"],
            ["--opinions", "history/opinions.jsonl.gz", "--opinions", "opinions.jsonl", "--out", "long"],
        ):
            replayed = place.command("replay", *arguments)
            assert replayed.returncode == 0, replayed.stderr
    start = json.loads(posts[half])["published_at"]
    long = [
        alert
        for alert in _in_order((tmp_path / "long" / "alerts.jsonl").read_bytes().splitlines())
        if parse_ms(json.loads(alert)["evaluated_at"]) > parse_ms(start)
    ]
    assert live == long
    assert sum(json.loads(alert)["event"] == "fired" for alert in live) >= 5


def _hours(post: bytes, first: bytes) -> float:
    """How long after the first post another was published."""
    return (parse_ms(json.loads(post)["published_at"]) - parse_ms(json.loads(first)["published_at"])) / HOUR_MS


def _in_order(alerts: Iterable[bytes]) -> list[bytes]:
    """Each alert once, by the minute it was evaluated at and its id."""
    by_id = {(alert["evaluated_at"], alert["id"]): raw for raw in alerts for alert in [json.loads(raw)]}
    return [raw for _, raw in sorted(by_id.items())]
