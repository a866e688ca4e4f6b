"""The cascade in its role, over the real servers: a large model is asked about the posts that matter and paid from the
day's budget, and the stream goes on when it is gone.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from classifier.cascade.fake import FakeEndpoint
from classifier.cascade.gold import GoldModel, gold_of
from deploy.local import StackInfo
from stream.records import decode_opinion
from tests.end_to_end.running import Place

POSTS = 60
PRICE_IN, PRICE_OUT = 10.0, 20.0
pytestmark = pytest.mark.timeout(180)


def text(number: int) -> str:
    return f"Orbqua shares close at {number} crowns"


def posts(numbers: range) -> bytes:
    """Every other author is heard by many."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"post-{number}",
            "source": "wire",
            "published_at": "2026-01-05T09:30:00Z",
            "text": text(number),
            "followers": 50_000 if number % 2 else 3,
        }
        for number in numbers
    ]
    return b"\n".join(json.dumps(row).encode() for row in rows)


def test_posts_that_matter_are_asked_and_a_dead_endpoint_stops_nothing(
    stack: StackInfo, prefix: str, tmp_path: Path
) -> None:
    (tmp_path / "first.jsonl").write_bytes(posts(range(POSTS)))
    (tmp_path / "second.jsonl").write_bytes(posts(range(POSTS, 2 * POSTS)))
    gold = GoldModel({text(number): gold_of("negative") for number in range(POSTS)})
    with FakeEndpoint(model=gold) as fake:
        cascade = {
            "ENDPOINT": fake.url,
            "MODEL": "fake",
            "PRICE_IN": str(PRICE_IN),
            "PRICE_OUT": str(PRICE_OUT),
            "DAILY_BUDGET": "1",
            "CONFIDENCE_BELOW": "1",
            "TIMEOUT_S": "1",
        }
        environment = {f"GROUNDSWELL_CASCADE__{name}": value for name, value in cascade.items()}
        with Place(stack, prefix, tmp_path, **environment) as place:
            place.create_topics()
            place.start("classify", "classify")
            produced = place.command("produce", "first.jsonl", "--json")
            assert json.loads(produced.stdout) == {"sent": POSTS}, produced.stderr
            place.wait_done("classify", place.topics.posts, 90)
            spent = json.loads(place.command("cost", "--json").stdout)
            asked = len(fake.requests)
            fake.mode = "dead"
            place.command("produce", "second.jsonl", "--json")
            place.wait_done("classify", place.topics.posts, 90)
            opinions = {
                opinion.id: opinion
                for record in place.read(place.topics.opinions)
                if record.value is not None and not record.headers
                for opinion in [decode_opinion(record.value)]
            }
        charged = (fake.tokens_in * PRICE_IN + fake.tokens_out * PRICE_OUT) / 1_000_000
    assert len(opinions) == 2 * POSTS
    assert asked == POSTS // 2
    assert float(spent["today"]) == pytest.approx(charged)
    labels = {number: opinions[f"post-{number}"].sentiment.label for number in range(2 * POSTS)}
    assert {labels[number] for number in range(1, POSTS, 2)} == {"negative"}
    others = {labels[number] for number in [*range(0, POSTS, 2), *range(POSTS, 2 * POSTS)]}
    assert "negative" not in others
