"""Claims about the linker over the company table: traps for ambiguous names, reasons, confidence, relevance, time."""

import csv
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.companies import SHIPPED, relevance
from stream.companies.linker import TableLinker
from stream.companies.table import Company, Name, Table, day_of
from stream.linking import COUNTS_FROM, Link
from tests.examples import examples

TRAPS = Path(__file__).with_name("company_traps.csv")
TEXTS = st.text(max_size=80) | st.lists(
    st.sampled_from(
        ["苹果", "平安", "长城", "$AAPL", "600519", "(000001)", "*ST", "Apple", " ", "，", "Tesla", "基金", "İ"]
    )
).map("".join)


def link(text: str, day: int | None = None) -> list[Link]:
    return SHIPPED.link(text, day=day)


def counted(text: str, day: int | None = None) -> set[str | None]:
    return {one.symbol for one in link(text, day) if one.confidence >= COUNTS_FROM}


def only(text: str) -> Link:
    (found,) = link(text)
    return found


def traps() -> list[tuple[str, set[str]]]:
    with TRAPS.open(encoding="utf-8", newline="") as file:
        return [(row["text"], set(row["symbols"].split())) for row in csv.DictReader(file)]


def test_words_that_are_also_companies_are_told_apart_with_a_precision_and_recall_of_98_in_100() -> None:
    rows, day = traps(), day_of("2020-09-01")
    assert len(rows) >= 100
    assert sum(not expected for _, expected in rows) >= 50
    found = [(counted(text, day), expected) for text, expected in rows]
    right = sum(len(got & expected) for got, expected in found)
    wrong = [(text, got - expected) for (text, expected), (got, _) in zip(rows, found, strict=True) if got - expected]
    missed = [(text, expected - got) for (text, expected), (got, _) in zip(rows, found, strict=True) if expected - got]
    assert right / (right + len(wrong)) >= 0.98, wrong
    assert right / (right + len(missed)) >= 0.98, missed


@pytest.mark.parametrize("mention", ["阿里巴巴", "9988.HK", "$BABA", "Alibaba", "HK09988"])
def test_all_listings_and_names_of_an_issuer_are_one(mention: str) -> None:
    assert only(f"{mention} 大涨").symbol == "BABA"


@pytest.mark.parametrize(
    ("text", "symbol", "reason", "counts"),
    [
        ("$TSLA up", "TSLA", "cashtag", True),
        ("(600519)公告", "600519.SH", "code", True),
        ("特斯拉降价", "TSLA", "name", True),
        ("long WMT, sold the rest", "WMT", "ticker", True),
        ("Goldman Sachs analysts see rain", "GS", "speaker", False),
        ("平安基金(000001)净值", "000001.SZ", "code", False),
    ],
)
def test_each_link_says_why_and_counts_only_where_it_is_sure(text: str, symbol: str, reason: str, counts: bool) -> None:
    found = next(one for one in link(text) if one.symbol == symbol and one.reason == reason)
    assert (found.confidence >= COUNTS_FROM) is counts


def test_a_shared_name_links_to_each_bearer_as_a_candidate_and_to_one_that_the_text_names_elsewhere() -> None:
    alone = link("平安今天怎么样")
    assert {one.symbol for one in alone} == {"000001.SZ", "601318.SH"}
    assert {one.reason for one in alone} == {"ambiguous"}
    assert all(one.confidence < COUNTS_FROM for one in alone)
    assert counted("中国平安年报出炉，平安怎么看") == {"601318.SH"}
    assert {one.symbol for one in SHIPPED.link("平安今天怎么样", ["601318.SH"]) if one.confidence >= COUNTS_FROM} == {
        "601318.SH"
    }


def test_a_source_that_tags_another_company_than_the_text_names_is_contradicted() -> None:
    found = {one.symbol: one for one in SHIPPED.link("Tesla shares slide", ["F"])}
    assert found["F"].reason == "contradicted"
    assert found["F"].confidence < COUNTS_FROM <= found["TSLA"].confidence
    (agreed,) = SHIPPED.link("Tesla shares slide", ["TSLA"])
    assert agreed.reason == "name"
    (alone,) = SHIPPED.link("Shares slide", ["F"])
    assert (alone.reason, alone.confidence >= COUNTS_FROM) == ("source", True)


def test_a_target_has_the_symbol_of_what_it_surely_names_and_no_candidates() -> None:
    assert [(one.symbol, one.reason) for one in SHIPPED.link("特斯拉降价", (), ["Tesla"])] == [
        ("TSLA", "name"),
        ("TSLA", "target"),
    ]
    assert SHIPPED.link("平安今天怎么样", (), ["平安"])[-1][:2] == (None, "平安")


def test_a_name_counts_on_the_days_on_which_it_was_borne() -> None:
    table = Table(
        {},
        (
            Company(("ORBQ",), "Orbiqua", None, (Name("Orbiqua", "sure", 100), Name("Velmora", "sure", None, 100))),
            Company(("VELM",), "Velmora", None, (Name("Velmora", "sure", 200),)),
        ),
    )
    linker = TableLinker(table)

    def on(day: int | None) -> list[tuple[str | None, str]]:
        return [(one.symbol, one.reason) for one in linker.link("Velmora rises", day=day)]

    assert on(99) == [("ORBQ", "name")]
    assert on(150) == [("ORBQ", "former")]
    assert linker.link("Velmora rises", day=150)[0].confidence < COUNTS_FROM
    assert on(200) == [("VELM", "name")]
    assert {symbol for symbol, _ in on(None)} == {"ORBQ", "VELM"}


def test_a_company_is_not_known_before_its_time() -> None:
    assert counted("Block Inc rises", day_of("2021-12-11")) == {"XYZ"}
    assert counted("Block Inc rises", day_of("2021-06-01")) == set()


@given(TEXTS, st.none() | st.integers(0, 30000))
def test_places_lie_within_the_text_each_issuer_comes_once_and_confidence_is_a_share(
    text: str, day: int | None
) -> None:
    found = link(text, day)
    assert len({one.symbol for one in found}) == len(found)
    for one in found:
        assert one.start is not None
        assert one.end is not None
        assert 0 <= one.start < one.end <= len(text)
        assert 0 < one.confidence <= 1
        assert one.relevance is not None
        assert 0 <= one.relevance <= 1
    assert found == link(text, day)


@given(TEXTS)
def test_a_text_with_a_title_links_to_what_either_names(title: str) -> None:
    both = SHIPPED.link("Tesla shares slide", title=title)
    assert {one.symbol for one in both} >= {one.symbol for one in link(title)}
    assert "TSLA" in {one.symbol for one in both}
    assert all(one.start is None or re.search("Tesla", "Tesla shares slide"[one.start : one.end]) for one in both)


@pytest.mark.parametrize(
    "text",
    [
        "😀" * 20_000,
        "平安" * 10_000,
        "*ST" * 6_600,
        "$AAPL " * 3_300,
        "(000001)" * 2_500,
        "苹果Apple" * 2_800,
        "Apple " + "a@" * 9_900,
        "Apple " + "a." * 9_900 + "@",
        "Аррlе苹果ｱｯﾌﾟﾙआ" * 1_200,
    ],
    ids=lambda text: text[:8],
)
def test_long_texts_take_bounded_time(text: str) -> None:
    link("warm")
    started = time.process_time()
    link(text)
    assert time.process_time() - started < 1


@examples(30)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(-20, 200)), max_size=12))
def test_relevance_is_a_share_and_none_is_more_relevant_than_the_only_company_named_first(
    mentions: list[tuple[str, int]],
) -> None:
    found = relevance.of("x" * 200, mentions)
    assert set(found) == {issuer for issuer, _ in mentions}
    assert all(0 <= share <= relevance.of("x" * 200, [("A", 0)])["A"] for share in found.values())


def test_relevance_grows_with_the_headline_the_place_and_the_count() -> None:
    def about(text: str, title: str | None = None) -> dict[str | None, float | None]:
        return {one.symbol: one.relevance for one in SHIPPED.link(text, title=title)}

    passing = about("Tesla cut prices. Tesla sold more. Tesla said so. Ford is watching.")
    assert passing["TSLA"] is not None
    assert passing["F"] is not None
    assert passing["TSLA"] > 0.8 > 0.4 > passing["F"]
    headed = about("Tesla and Ford cut prices.", "Ford cuts prices")
    assert headed["F"] is not None
    assert headed["TSLA"] is not None
    assert headed["F"] > headed["TSLA"]
    assert about("Tesla rises") == {"TSLA": 1.0}
