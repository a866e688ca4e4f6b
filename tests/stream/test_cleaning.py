"""Claims about cleaning: what a text, a time, an id, a language and an author look like afterwards."""

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.cleaning import (
    FUTURE_TOLERANCE_MS,
    Source,
    clean,
    clean_text,
    detect_language,
    is_stale,
    matching_form,
    pseudonym,
    received_ms_of,
    stable_id,
)
from stream.errors import RecordRefused
from stream.records import MAX_TEXT, RawPost
from stream.times import DAY_MS, HOUR_MS, format_ms, parse_ms

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
AT_MS = 1_767_605_400_000


def raw(text: str = "Northlake opens a plant.", published_at: datetime = AT, **fields: object) -> RawPost:
    return RawPost("wire", published_at, text, **fields)  # type: ignore[arg-type]


def reason_of(post: RawPost, received_ms: int = AT_MS) -> str:
    with pytest.raises(RecordRefused) as caught:
        clean(post, received_ms, {})
    return caught.value.reason


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  plain \n", "plain"),
        ("a\u200bb\u200dc\ufeffd", "abcd"),  # zero-width space and joiner, byte order mark
        ("pay\u202edet\u202c", "paydet"),  # direction overrides hide what is written
        ("bell\x07 and \x1b[31mred\x1b[0m", "bell and [31mred[0m"),
        ("one\r\ntwo\rthree\nfour\tfive", "one\ntwo\nthree\nfour\tfive"),
        ("NUL\x00 inside", "NUL inside"),
        ("比亚\u00ad迪跌了", "比亚迪跌了"),  # soft hyphen
        ("tag\U000e0041 characters", "tag characters"),
        ("ＡＡＰＬ　涨", "ＡＡＰＬ　涨"),  # the original width stays; only comparison folds it
    ],
)
def test_format_and_control_characters_go_and_the_rest_of_the_text_stays(sent: str, kept: str) -> None:
    assert clean_text(sent) == kept


@given(st.text())
def test_a_clean_text_holds_no_hidden_character_and_cleaning_it_again_changes_nothing(text: str) -> None:
    cleaned = clean_text(text)
    assert all(unicodedata.category(c) not in {"Cf", "Cc"} or c in "\n\t" for c in cleaned)
    assert clean_text(cleaned) == cleaned


def test_the_matching_form_folds_case_and_width() -> None:
    assert matching_form("ＡＡＰＬ Jumps") == matching_form("aapl jumps")


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        (raw("\u200b\u200b \x00"), "empty_text"),
        (raw("   "), "empty_text"),
        (raw("x" * (MAX_TEXT + 1)), "oversized"),
        (raw(published_at=AT + timedelta(minutes=5, milliseconds=1)), "future_dated"),
        (raw(published_at=AT.replace(tzinfo=None)), "wrong_type"),
        (raw(published_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))), "wrong_type"),
        (raw(published_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))), "wrong_type"),
    ],
    ids=["hidden only", "blank", "too long", "future", "no offset", "before year 1", "after year 9999"],
)
def test_what_cannot_be_used_is_refused_with_a_reason(post: RawPost, reason: str) -> None:
    assert reason_of(post) == reason


def test_bounds_are_inclusive_and_length_counts_after_cleaning() -> None:
    assert clean(raw("x" * MAX_TEXT + "\u200b"), AT_MS, {}).text == "x" * MAX_TEXT
    on_the_line = AT + timedelta(milliseconds=FUTURE_TOLERANCE_MS)
    assert clean(raw(published_at=on_the_line), AT_MS, {}).published_at == "2026-01-05T09:35:00.000Z"


def test_times_come_out_in_utc_whatever_the_offset() -> None:
    shanghai = AT.astimezone(timezone(timedelta(hours=8)))
    assert clean(raw(published_at=shanghai), AT_MS, {}).published_at == "2026-01-05T09:30:00.000Z"


def test_a_time_without_offset_is_read_in_the_zone_of_its_source() -> None:
    local = raw(published_at=datetime(2026, 1, 5, 17, 30), received_at=datetime(2026, 1, 5, 17, 31))  # noqa: DTZ001
    sources = {"wire": Source(time_zone="Asia/Shanghai", kind="news")}
    post = clean(local, received_ms_of(local, sources), sources)
    assert (post.published_at, post.received_at) == ("2026-01-05T09:30:00.000Z", "2026-01-05T09:31:00.000Z")
    assert post.kind == "news"


def test_the_record_clock_takes_received_at_and_else_published_at() -> None:
    assert received_ms_of(raw(), {}) == AT_MS
    assert received_ms_of(raw(received_at=AT + timedelta(seconds=2)), {}) == AT_MS + 2000


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_times_keep_their_millisecond_and_their_order_as_text(ms: int) -> None:
    text = format_ms(ms)
    assert len(text) == 24
    assert parse_ms(text) == ms
    assert format_ms(0) == "1970-01-01T00:00:00.000Z"
    assert (text < format_ms(0)) == (ms < 0)


def test_an_id_comes_from_the_native_id_else_the_url_else_text_and_time() -> None:
    everything: dict[str, Any] = {"native_id": "42", "url": "https://news.example/1"}
    assert stable_id(raw(id="own", **everything)) == "own"
    by_native, by_url, by_text = (
        stable_id(raw(**everything)),
        stable_id(raw(url=everything["url"])),
        stable_id(raw()),
    )
    assert len({by_native, by_url, by_text}) == 3
    assert stable_id(raw("another text", **everything)) == by_native
    assert stable_id(raw("another text", url=everything["url"])) == by_url
    assert stable_id(raw()) == by_text
    assert stable_id(raw(published_at=AT + timedelta(seconds=1))) != by_text
    assert stable_id(raw(published_at=AT.astimezone(timezone(timedelta(hours=8))))) == by_text
    assert stable_id(raw(published_at=AT.replace(tzinfo=None))) != by_text
    other = RawPost("forum", AT, "Northlake opens a plant.", native_id="42")
    assert stable_id(other) != by_native


def test_a_pseudonym_hides_the_name_and_depends_on_the_key() -> None:
    first = pseudonym("alice", b"key one")
    assert first == pseudonym("alice", b"key one")
    assert first != pseudonym("alice", b"key two")
    assert "alice" not in first
    assert len(first) == 16


SENTENCES = [
    ("en", "$TSLA to the moon"),
    ("en", "buy the dip"),
    ("en", "Selling everything tomorrow."),
    ("en", "puts"),
    ("en", "$AMD $INTC $MU"),
    ("en", "RT @someone: $NVDA calls printing https://pics.example/abc"),
    ("en", "Northlake recalls forty thousand cars after brake failures"),
    ("en", "The board approved a share buyback of two billion dollars"),
    ("en", "Revenue grew 12% in the third quarter"),
    ("en", "gm"),
    ("zh", "澄湾汽车今天大跌"),
    ("zh", "利好！岚澈电池中标"),
    ("zh", "699101.SH 涨停了"),
    ("zh", "公司发布业绩预告，净利润同比下降三成"),
    ("zh", "$BABA 被低估了"),
    ("zh", "快跑"),
    ("zh", "澄湾汽车 CWM recalls 召回"),
    ("zh", "這家公司的股價又跌了"),
    ("ja", "北湖自動車の業績は予想を上回りました"),
    ("ja", "株価が急落しています"),
    ("ja", "新製品のリコールについて"),
    ("ko", "북호자동차 주가가 하락했다"),
    ("ko", "3분기 실적 발표"),
    ("ko", "배당금이 늘었다"),
    ("de", "Der Aufsichtsrat hat gestern beschlossen, die Dividende für das Geschäftsjahr deutlich zu kürzen"),
    ("de", "Die Aktie fällt nach schwachen Zahlen und die Anleger verlieren das Vertrauen in den Vorstand"),
    ("de", "Das Unternehmen meldet einen hohen Verlust im dritten Quartal"),
    ("fr", "Le conseil d'administration a décidé de réduire fortement le dividende cette année"),
    ("fr", "L'action chute après des résultats trimestriels très décevants pour les investisseurs"),
    ("fr", "La société annonce une hausse de son bénéfice net au troisième trimestre"),
]


@pytest.mark.parametrize(("language", "text"), SENTENCES, ids=[f"{code} {n}" for n, (code, _) in enumerate(SENTENCES)])
def test_the_language_of_a_sentence_is_found(language: str, text: str) -> None:
    assert detect_language(text) == language


def test_a_hint_wins_and_loses_its_region() -> None:
    assert detect_language("puts", "zh-Hans-CN") == "zh"
    assert detect_language("快跑", "EN_us") == "en"


@given(st.text(max_size=200))
def test_every_text_gets_some_language(text: str) -> None:
    assert 2 <= len(detect_language(text)) <= 3


@pytest.mark.parametrize(
    ("lag_ms", "usual_s", "stale"),
    [
        (HOUR_MS, 0, False),
        (HOUR_MS + 1, 0, True),
        (2 * HOUR_MS, 3 * 3600, False),
        (3 * HOUR_MS + 1, 3 * 3600, True),
        (DAY_MS, 7 * 86_400, False),
        (DAY_MS + 1, 7 * 86_400, True),
        (-1000, 0, False),
    ],
)
def test_news_is_old_after_an_hour_and_its_sources_usual_lag_and_always_after_a_day(
    lag_ms: int, usual_s: int, stale: bool
) -> None:
    assert is_stale(AT_MS, AT_MS + lag_ms, Source(usual_lag_p99_s=usual_s)) is stale
