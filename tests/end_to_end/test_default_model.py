"""The model that ships, in its role, over the real servers: posts of both languages become opinions that it signed."""

import json
from pathlib import Path

import pytest

from classifier.inference import SHIPPED, load
from deploy.local import StackInfo
from stream.records import decode_opinion
from tests.end_to_end.history import week
from tests.end_to_end.running import Place

POSTS = 300
pytestmark = pytest.mark.timeout(180)


def test_the_default_model_judges_posts_of_both_languages(stack: StackInfo, prefix: str, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_bytes(b"\n".join(week()[:POSTS]))
    with Place(stack, prefix, tmp_path, clock="record", GROUNDSWELL_MODEL=str(SHIPPED)) as place:
        place.create_topics()
        place.start("classify", "classify")
        produced = place.command("produce", "posts.jsonl", "--json")
        assert json.loads(produced.stdout) == {"sent": POSTS}, produced.stderr
        place.wait_done("classify", place.topics.posts, 120)
        opinions = [
            decode_opinion(record.value)
            for record in place.read(place.topics.opinions)
            if record.value is not None and not record.headers
        ]
    assert len({opinion.id for opinion in opinions}) == POSTS
    assert {opinion.model.digest for opinion in opinions} == {load().info.digest}
    assert {opinion.language for opinion in opinions} == {"en", "zh"}
    labels = {opinion.sentiment.label for opinion in opinions}
    assert labels == {"negative", "neutral", "positive"}
