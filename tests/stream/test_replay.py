"""Claims about the replay: the same bytes each time, nothing known before its time, names never written."""

import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.dispatcher import interrupts
from alerts.events import decode_alert
from stream.errors import InputError
from stream.exchanges import calendars_with
from stream.records import RawPost
from stream.replay import Span, replay_opinions, replay_posts, span_of
from stream.replay_output import describe
from stream.sample import COMPANIES, START
from stream.times import DAY_MS, HOUR_MS, datetime_ms, format_ms, parse_ms
from tests.examples import examples
from tests.stream.five_days import POSTS, RULES, START_MS, SURGE_H
from tests.stream.word_classifier import WordClassifier

FILES = ("alerts.jsonl", "opinions.jsonl.gz", "metrics.json")


class Out(NamedTuple):
    """The three files of a replay."""

    alerts: bytes
    opinions: bytes
    metrics: bytes


def written(path: Path, posts: list[RawPost], extra: bytes = b"") -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(post) + b"\n" for post in posts) + extra)
    return path


def replay(source: Path, out: Path, span: Span | None = None, warm_up: tuple[Path, ...] = ()) -> Out:
    replay_posts(
        [source],
        out,
        classifier=WordClassifier(),
        rules=RULES,
        sources={},
        sectors={},
        calendar_of=calendars_with(""),
        author_key=b"key",
        span=span or Span(),
        rejects=out / "rejects.jsonl",
        progress=lambda _done, _of: None,
        warm_up=warm_up,
    )
    return Out(*((out / name).read_bytes() for name in FILES))


def replay_again(opinions: Path, out: Path, span: Span, warm_up: tuple[Path, ...]) -> Out:
    replay_opinions(
        [opinions],
        out,
        rules=RULES,
        sources={},
        sectors={},
        calendar_of=calendars_with(""),
        span=span,
        rejects=out / "rejects.jsonl",
        progress=lambda _done, _of: None,
        warm_up=warm_up,
    )
    return Out(*((out / name).read_bytes() for name in FILES))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Out:
    folder = tmp_path_factory.mktemp("whole")
    return replay(written(folder / "posts.jsonl", POSTS), folder / "out")


def test_the_surge_is_found(whole: Out) -> None:
    events = [decode_alert(line) for line in whole.alerts.splitlines()]
    assert [(one.event, one.series.key) for one in events if one.event == "fired"] == [("fired", "ORBQ")]
    metrics = json.loads(whole.metrics)
    assert metrics["posts"] == len(POSTS) == len(gzip.decompress(whole.opinions).splitlines())
    assert metrics["alerts"]["fired"] == 1


def test_a_second_run_writes_the_same_bytes(whole: Out, tmp_path: Path) -> None:
    assert replay(written(tmp_path / "posts.jsonl", POSTS), tmp_path / "out") == whole


def test_the_order_of_the_input_does_not_matter(whole: Out, tmp_path: Path) -> None:
    assert replay(written(tmp_path / "posts.jsonl", POSTS[::-1]), tmp_path / "out") == whole


def test_replaying_the_opinions_brings_the_same_alerts_and_opinions(whole: Out, tmp_path: Path) -> None:
    (tmp_path / "opinions.jsonl.gz").write_bytes(whole.opinions)
    replay_opinions(
        [tmp_path / "opinions.jsonl.gz"],
        tmp_path / "out",
        rules=RULES,
        sources={},
        sectors={},
        calendar_of=calendars_with(""),
        span=Span(),
        rejects=tmp_path / "rejects.jsonl",
        progress=lambda _done, _of: None,
    )
    assert (tmp_path / "out" / "alerts.jsonl").read_bytes() == whole.alerts
    assert (tmp_path / "out" / "opinions.jsonl.gz").read_bytes() == whole.opinions


def test_a_day_on_which_all_companies_fall_is_one_market_incident(tmp_path: Path) -> None:
    fall = START + timedelta(hours=SURGE_H)
    posts = [
        msgspec.structs.replace(
            POSTS[0], id=f"fall-{company.symbol}-{n}", text=f"bad {company.symbol} fell {n}", symbols=[company.symbol],
            published_at=fall + timedelta(minutes=9 * place + 2 * n),
        )
        for place, company in enumerate(COMPANIES)
        for n in range(30)
    ]  # fmt: skip
    source = written(tmp_path / "posts.jsonl", [post for post in POSTS if post.published_at < fall] + posts)
    alerts = [decode_alert(line) for line in replay(source, tmp_path / "out").alerts.splitlines()]
    fired = [alert for alert in alerts if alert.event == "fired" and alert.evaluated_at >= format_ms(datetime_ms(fall))]
    (market,) = [alert for alert in fired if alert.series.kind == "market"]
    held = [alert for alert in fired if alert.parent == market.incident]
    assert len(held) > len(COMPANIES) / 2
    assert [alert.series.key for alert in fired if alert.parent is None and interrupts(alert)][-1] == "all"


@pytest.mark.parametrize("hours", [SURGE_H + 0.4, SURGE_H + 2, SURGE_H + 9])
def test_a_history_cut_short_raises_a_prefix_of_the_alerts(whole: Out, tmp_path: Path, hours: float) -> None:
    cut = [post for post in POSTS if datetime_ms(post.published_at) < START_MS + hours * HOUR_MS]
    alerts = replay(written(tmp_path / "posts.jsonl", cut), tmp_path / "out").alerts
    assert whole.alerts.startswith(alerts)
    assert alerts


def test_a_document_planted_in_the_future_changes_nothing_before_it(whole: Out, tmp_path: Path) -> None:
    last = POSTS[-1]
    planted = msgspec.structs.replace(
        last, id="planted", text="bad bad bad", published_at=last.published_at + timedelta(days=2)
    )
    out = replay(written(tmp_path / "posts.jsonl", [planted, *POSTS]), tmp_path / "out")
    assert out.alerts.startswith(whole.alerts)
    assert gzip.decompress(out.opinions).startswith(gzip.decompress(whole.opinions))


def test_a_post_published_early_and_received_late_counts_when_it_was_received(whole: Out, tmp_path: Path) -> None:
    """Had its publication time counted, forty quiet posts would have stood beside the surge."""
    surge = START + timedelta(hours=SURGE_H, minutes=5)
    late = [
        msgspec.structs.replace(
            POSTS[0], id=f"late-{n}", text=f"good late {n}", symbols=["ORBQ"], published_at=surge,
            received_at=START + timedelta(days=6),
        )
        for n in range(40)
    ]  # fmt: skip
    assert replay(written(tmp_path / "posts.jsonl", [*POSTS, *late]), tmp_path / "out").alerts.startswith(whole.alerts)


def test_a_repeated_post_counts_once(whole: Out, tmp_path: Path) -> None:
    alerts = replay(written(tmp_path / "posts.jsonl", [*POSTS, *POSTS[-400:]]), tmp_path / "out").alerts
    assert alerts == whole.alerts


def test_no_author_is_named_in_any_output(whole: Out) -> None:
    assert b"Author Nr" not in whole.alerts
    opinions = gzip.decompress(whole.opinions)
    assert b"Author Nr" not in opinions
    assert b'"author":' in opinions


def test_bad_rows_are_set_aside_with_file_and_line_and_counted(tmp_path: Path) -> None:
    extra = b"broken\n" + msgspec.json.encode(POSTS[0]).replace(POSTS[0].text.encode(), b"poison") + b"\n"
    source = written(tmp_path / "posts.jsonl", POSTS[1:50], extra)
    metrics = json.loads(replay(source, tmp_path / "out").metrics)
    rows = [json.loads(row) for row in (tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (metrics["posts"], metrics["refused"]) == (49, 2)
    assert [row["line"] for row in rows] == [50, 51]
    assert rows[0]["raw"] == "broken"


def test_an_input_without_a_usable_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing usable"):
        replay(written(tmp_path / "posts.jsonl", [], b"broken\n"), tmp_path / "out")


def test_from_and_to_choose_by_received_time(tmp_path: Path) -> None:
    span = span_of("2026-01-06", "2026-01-07T12:00:00Z")
    out = replay(written(tmp_path / "posts.jsonl", POSTS), tmp_path / "out", span)
    metrics = json.loads(out.metrics)
    assert metrics["from"] >= "2026-01-06T00:00:00.000Z"
    assert metrics["to"] < "2026-01-07T12:00:00.000Z"
    expected = [p for p in POSTS if START_MS + DAY_MS <= datetime_ms(p.published_at) < START_MS + 2.5 * DAY_MS]
    assert metrics["posts"] == len(expected)


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "2026-01-05T09:30:00"])
def test_a_span_that_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="give 2026-01-05"):
        span_of(text, None)


def rest_of(whole: Out, start_ms: int) -> tuple[bytes, bytes]:
    """Of a long replay the alerts of buckets that end after a moment, and the opinions received since."""
    alerts = [one for one in whole.alerts.splitlines(True) if parse_ms(decode_alert(one).evaluated_at) > start_ms]
    opinions = gzip.decompress(whole.opinions).splitlines(True)
    return b"".join(alerts), b"".join(o for o in opinions if parse_ms(json.loads(o)["received_at"]) >= start_ms)


@pytest.mark.parametrize("hours", [60, SURGE_H + 0.6])
def test_history_before_the_start_teaches_and_what_follows_is_as_in_one_long_replay(
    whole: Out, tmp_path: Path, hours: float
) -> None:
    start_ms = START_MS + round(hours * HOUR_MS)
    before = written(tmp_path / "before.jsonl", [p for p in POSTS if datetime_ms(p.published_at) < start_ms])
    after = written(tmp_path / "after.jsonl", [p for p in POSTS if datetime_ms(p.published_at) >= start_ms])
    out = replay(after, tmp_path / "out", Span(start_ms), (before,))
    assert (out.alerts, gzip.decompress(out.opinions)) == rest_of(whole, start_ms)
    assert out.alerts
    metrics = json.loads(out.metrics)
    assert metrics["warmed"] + metrics["posts"] == len(POSTS)
    assert metrics["rules"][0]["learning"] == {}
    assert replay(after, tmp_path / "blind").alerts != out.alerts


@examples(6)
@given(hours=st.floats(1, 119))
@pytest.mark.slow
def test_wherever_the_history_ends_the_opinions_bring_what_one_long_replay_brings(
    whole: Out, tmp_path_factory: pytest.TempPathFactory, hours: float
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    opinions = folder / "opinions.jsonl.gz"
    opinions.write_bytes(whole.opinions)
    start_ms = START_MS + round(hours * HOUR_MS)
    out = replay_again(opinions, folder / "out", Span(start_ms), (opinions,))
    assert (out.alerts, gzip.decompress(out.opinions)) == rest_of(whole, start_ms)


def test_what_the_history_holds_from_the_start_on_is_left_out(whole: Out, tmp_path: Path) -> None:
    """No look-ahead: of a later and gloomier world in the same file nothing is learnt."""
    start_ms = START_MS + 60 * HOUR_MS
    told = [post for post in POSTS if datetime_ms(post.published_at) >= start_ms]
    later = [msgspec.structs.replace(post, id=f"later-{n}", text=f"bad later {n}") for n, post in enumerate(told)]
    past = written(tmp_path / "past.jsonl", [*(p for p in POSTS if datetime_ms(p.published_at) < start_ms), *later])
    out = replay(written(tmp_path / "posts.jsonl", told), tmp_path / "out", Span(start_ms), (past,))
    assert (out.alerts, gzip.decompress(out.opinions)) == rest_of(whole, start_ms)


def test_series_too_new_to_fire_are_named_with_the_time_until_when_they_learn(tmp_path: Path) -> None:
    start_ms = START_MS + 72 * HOUR_MS
    source = written(tmp_path / "posts.jsonl", POSTS)
    blind = json.loads(replay(source, tmp_path / "blind", span_of("2026-01-08", "2026-01-09")).metrics)
    learning = blind["rules"][0]["learning"]
    assert learning["issuer:ORBQ"].startswith("2026-01-10T")
    assert all(name.startswith("issuer:") for name in learning)
    assert f"{len(learning)} series still learn, the last until {max(learning.values())}" in describe(blind)
    warm = json.loads(replay(source, tmp_path / "warm", Span(start_ms, start_ms + DAY_MS), (source,)).metrics)
    assert "issuer:ORBQ" not in warm["rules"][0]["learning"]
    assert (blind["warmed"], blind["posts"]) == (0, warm["posts"])


def test_what_was_spent_is_counted_from_when_a_series_learnt_or_the_replay_began(whole: Out, tmp_path: Path) -> None:
    rule = json.loads(whole.metrics)["rules"][0]
    mine = rule["spent_by_series"]["issuer:ORBQ"]
    assert (mine["firings"], mine["a_week"]) == (1, None)
    assert 0.38 < mine["weeks"] < 3 / 7 + 0.01
    assert rule["spent"] == pytest.approx(1 / rule["series_weeks"], abs=1e-3)
    assert "a series and week, true surges among them, budget 0.25 false ones" in describe(json.loads(whole.metrics))
    shared = json.loads(whole.metrics)
    shared["rules"][0] |= {"budget": 3.0, "over": 300}
    assert "budget 0.01 false ones" in describe(shared)
    start_ms = START_MS + round((SURGE_H + 8) * HOUR_MS)
    source = written(tmp_path / "posts.jsonl", POSTS)
    after = json.loads(replay(source, tmp_path / "out", Span(start_ms), (source,)).metrics)["rules"][0]
    assert after["spent_by_series"]["issuer:ORBQ"]["firings"] == 0
    assert after["spent_by_series"]["issuer:ORBQ"]["weeks"] < 22.1 / 168


def test_bad_rows_of_a_file_that_is_told_and_teaches_are_set_aside_once(tmp_path: Path) -> None:
    source = written(tmp_path / "posts.jsonl", POSTS[:300], b"broken\n")
    other = written(tmp_path / "other.jsonl", POSTS[:10], b"broken too\n")
    start_ms = datetime_ms(POSTS[200].published_at)
    metrics = json.loads(replay(source, tmp_path / "out", Span(start_ms), (source, other)).metrics)
    assert metrics["refused"] == 2


def test_a_history_that_lies_after_the_start_is_an_error(tmp_path: Path) -> None:
    source = written(tmp_path / "posts.jsonl", POSTS[:20])
    with pytest.raises(InputError, match="before 2026-01-05T00:00"):
        replay(source, tmp_path / "out", span_of("2026-01-05", None), (source,))
