"""Claims about rules of other measures in the whole stream: posts in, alerts and metrics out."""

import json
from pathlib import Path

from alerts.calendars import utc_hours
from alerts.describe import describe
from alerts.events import decode_alert
from alerts.incidents import apply
from alerts.rules import Rule
from stream.cleaning import Source
from stream.replay import Span, replay_posts
from stream.replay_output import describe as summary
from tests.stream.word_classifier import WordClassifier

RULES = (
    Rule("breakout", ("issuer",), measure="breakout", sources=4, within_minutes=60),
    Rule("volume", ("issuer",), measure="volume"),
)
SOURCES = {name: Source(family="harbour") for name in ("harbour-wire", "harbour-online")}
TEXT = "Orbiq Robotics opens a good new plant in Kelmouth and hires four hundred people $ORBQ"
TOLD = ["wire", "harbour-wire", "harbour-online", "forum", "forum", "board", "herald"]


def post(minute: int, source: str, text: str = TEXT) -> bytes:
    at = f"2026-01-05T{9 + minute // 60:02d}:{minute % 60:02d}:00.000Z"
    body = {"id": f"{source}-{minute}", "source": source, "published_at": at, "received_at": at, "text": text}
    return json.dumps(body).encode() + b"\n"


def test_a_good_story_told_by_four_houses_breaks_out_with_a_post_of_each(tmp_path: Path) -> None:
    posts = [post(minute, source) for minute, source in enumerate(TOLD)]
    (tmp_path / "posts.jsonl").write_bytes(b"".join([*posts, post(200, "wire", "quiet day $ZVLX")]))
    metrics = replay_posts(
        [tmp_path / "posts.jsonl"],
        tmp_path / "out",
        classifier=WordClassifier(),
        rules=RULES,
        sources=SOURCES,
        sectors={},
        author_key=b"key",
        span=Span(),
        rejects=tmp_path / "rejects.jsonl",
        progress=lambda _done, _of: None,
        calendar_of=utc_hours,
    )
    alerts = [decode_alert(line) for line in (tmp_path / "out" / "alerts.jsonl").read_bytes().splitlines()]
    assert [(one.event, one.series.name, one.measured.key) for one in alerts] == [
        ("fired", "issuer:ORBQ", "breakout"),
        ("resolved", "issuer:ORBQ", "breakout"),
    ]
    fired = alerts[0]
    assert (fired.measured.score, fired.measured.posts, fired.severity) == (5, 7, "major")
    assert {driver.id for driver in fired.drivers.sources} == {"wire", "harbour", "forum", "board", "herald"}
    assert [one.source for one in fired.evidence] == ["wire", "harbour-wire", "forum", "board", "herald"]
    page = describe(apply(None, fired))
    assert "5 independent sources told one story, in 7 posts within 6 min" in page
    breakout, volume = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))["rules"]
    assert (breakout["measure"], breakout["firings_per_week"] > 0, "budget" in breakout) == ("breakout", True, False)
    assert (volume["measure"], volume["budget"]) == ("volume", 0.25)
    assert "; breakout: " in summary(metrics)
