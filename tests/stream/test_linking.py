"""Claims about linking: which entities a text, its source's tags and the targets asked for bring."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.companies import SHIPPED
from stream.linking import Link, canonical_symbol, market_of

link = SHIPPED.link


def symbols(text: str) -> list[str | None]:
    return [found.symbol for found in link(text, (), ())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$ORBQ falls", ["ORBQ"]),
        ("long $orbq, short $BRK.B", ["ORBQ", "BRK.B"]),
        ("($ORBQ) $ORBQ's recall: $ORBQ.", ["ORBQ"]),
        ("买入$ORBQ吧", ["ORBQ"]),
        ("699101.SH与308417.sz齐跌", ["699101.SH", "308417.SZ"]),
        ("00700.HK and 0700.HK are one", ["0700.HK"]),
        ("99071.HK", ["99071.HK"]),
    ],
)
def test_cashtags_and_exchange_codes_are_found_once_each_in_their_canonical_form(
    text: str, expected: list[str]
) -> None:
    assert symbols(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "$5 a share, $5B in all, $1,000.50",
        "US$AB and $$ABC",
        "$TOOLONGNAME",
        "costs $",
        "1699101.SH and 699101.SHX",
        "v1.0700.HK",
        "email a$b.example",
        "",
    ],
)
def test_prices_and_parts_of_longer_words_are_no_symbols(text: str) -> None:
    assert symbols(text) == []


@given(st.text(max_size=60), st.sampled_from(["$ORBQ", "699101.SH", "0700.hk"]), st.text(max_size=60))
def test_offsets_cut_the_match_out_of_the_text(before: str, mention: str, after: str) -> None:
    text = f"{before} {mention} {after}"
    for found in link(text, (), ()):
        assert found.start is not None
        assert found.end is not None
        assert canonical_symbol(text[found.start : found.end]) == found.symbol
    assert canonical_symbol(mention) in symbols(text)


def test_a_sources_tags_follow_the_text_and_repeat_nothing() -> None:
    found = link("$ORBQ up", ["orbq", "$ZVLX", " ", "00700.HK"], ())
    assert [(one.symbol, one.reason, one.start) for one in found] == [
        ("ORBQ", "cashtag", 0),
        ("ZVLX", "source", None),
        ("0700.HK", "source", None),
    ]


def test_every_target_comes_back_even_an_unknown_one() -> None:
    text = "Orbqua sues Zavelix over $ZVLX shares"
    found = link(text, (), ["zavelix", "ZVLX", "Nobody Ltd"])[1:]
    assert found[0] == Link(None, "zavelix", None, 12, 19, "target", 1.0)
    assert (found[1].symbol, found[1].market, text[found[1].start : found[1].end]) == ("ZVLX", "US", "ZVLX")
    assert found[2] == Link(None, "Nobody Ltd", None, None, None, "target", 1.0)


@given(st.text(max_size=40), st.text(min_size=1, max_size=10), st.text(max_size=40))
def test_a_targets_offsets_cut_it_out_of_the_text(before: str, target: str, after: str) -> None:
    text = before + target + after
    (found,) = [one for one in link(text, (), [target]) if one.reason == "target"]
    assert found.start is not None
    assert found.end is not None
    assert re.fullmatch(re.escape(target), text[found.start : found.end], re.IGNORECASE)


def test_letters_that_grow_in_lower_case_do_not_move_the_offsets() -> None:
    text = "İİİ Northlake"
    (found,) = link(text, (), ["northlake"])
    assert text[found.start : found.end] == "Northlake"


@pytest.mark.parametrize(
    ("symbol", "market"),
    [("ORBQ", "US"), ("699101.SH", "SH"), ("308417.SZ", "SZ"), ("430001.BJ", "BJ"), ("0700.HK", "HK"), ("BRK.B", "US")],
)
def test_the_market_is_read_off_the_symbol(symbol: str, market: str) -> None:
    assert market_of(symbol) == market
