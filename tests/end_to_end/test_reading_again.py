"""Whatever is read twice changes nothing: posts, opinions and alerts go through all roles again."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local import StackInfo
from stream.stores.connect import document_store, incident_book, trend_store
from stream.stores.protocols import ChartPoint
from tests.end_to_end.history import week
from tests.end_to_end.running import Place

ROLES = ("classify", "trends", "index", "notify")
FOR_EVER_MS = 2**42
pytestmark = pytest.mark.timeout(240)


class Stored(NamedTuple):
    """What readers of the stores see."""

    counted: list[str]
    charts: list[list[ChartPoint]]
    documents: list[str]
    incidents: list[str]
    alerts: set[bytes]


def test_topics_read_three_times_over_change_neither_counts_nor_documents_nor_alerts(
    stack: StackInfo, prefix: str, tmp_path: Path
) -> None:
    posts = week()
    (tmp_path / "posts.jsonl").write_bytes(b"\n".join(posts))
    with Place(stack, prefix, tmp_path, clock="record") as place:
        place.create_topics()
        reads = dict(zip(ROLES, (place.topics.posts, *[place.topics.opinions] * 2, place.topics.alerts), strict=True))
        produced = place.command("produce", "posts.jsonl", "--json")
        assert json.loads(produced.stdout) == {"sent": len(posts)}, produced.stderr
        _run_all(place, reads, "first")
        once = _stored(place)
        assert len(once.counted) == len(once.documents) == len(posts)
        assert len(once.alerts) >= 2, "the surge raised nothing, so that nothing was shown"
        for time in ("second", "third"):
            for role, topic in reads.items():
                place.go_back(role, topic)
            _run_all(place, reads, time)
            assert _stored(place) == once


def _run_all(place: Place, reads: dict[str, str], name: str) -> None:
    """Starts a worker a role, lets them do all that there is, and ends them."""
    for role in reads:
        place.start(role, f"{role}-{name}")
    for role, topic in reads.items():
        if role == "notify":
            place.wait_closed(30)
        place.wait_done(role, topic, 60)
    for role in reads:
        assert place.stop(f"{role}-{name}") == 0
    place.wait(lambda: not any(place.members(role) for role in reads), "the groups to be empty", 30)


def _stored(place: Place) -> Stored:
    trends, documents = trend_store(place.settings), document_store(place.settings)
    documents.refresh()
    series = ["market:all", *(name for kind in ("issuer", "topic", "source") for name, _ in trends.busiest(kind, 100))]
    return Stored(
        list(trends.seen_ids()),
        [trends.chart(name, resolution, 0, FOR_EVER_MS) for name in series for resolution in ("hour", "day")],
        sorted(documents.ids()),
        [str(incident) for incident in incident_book(place.settings).list(100)],
        {record.value or b"" for record in place.read(place.topics.alerts)},
    )
