"""Claims about how official names become what people write, and about the hand-written files of the company table."""

import csv
from pathlib import Path

import pytest

from deploy.companies import names
from stream.companies.table import day_of, shipped
from stream.linking import canonical_symbol

HERE = Path(__file__).resolve().parents[2] / "deploy" / "companies"


@pytest.mark.parametrize(
    ("official", "base"),
    [
        ("ORBIQUA INC.", "Orbiqua"),
        ("VELMORA COM INC", "Velmora com"),
        ("The Quillon Company, Ltd.", "Quillon"),
        ("Northlake Holdings plc", "Northlake"),
        ("ORBIQUA CORP /DE/", "Orbiqua"),
        ("BANK OF NORTHLAKE CORP", "Bank of Northlake"),
    ],
)
def test_legal_forms_fall_off_and_capitals_are_tamed(official: str, base: str) -> None:
    assert names.english_base(official) == base


@pytest.mark.parametrize(
    ("short", "base", "marked"),
    [
        ("岚澈电池", "岚澈电池", None),
        ("岚 澈Ａ", "岚澈", None),
        ("*ST岚澈", "岚澈", "ST岚澈"),
        ("岚澈退", "岚澈", "ST岚澈"),
        ("退市岚澈", "岚澈", "ST岚澈"),
        ("XD岚澈电", "岚澈电", None),
    ],
)
def test_marks_of_the_exchange_fall_off_and_are_kept_as_a_name_of_their_own(
    short: str, base: str, marked: str | None
) -> None:
    assert names.mainland_bases(short) == (base, marked)


def test_a_word_is_no_sure_name_however_it_is_written() -> None:
    words = frozenset({"target", "band", "width", "best"})
    assert names.english_sort("Target", 10, words) == "word"
    assert names.english_sort("Bandwidth", 3000, words) == "word"
    assert names.english_sort("Orbiqua", 3000, words) == "sure"
    assert names.english_sort("Orbiqua", 3000, words, obscure=True) == "word"
    assert names.english_sort("ABC", 10, words) is None
    assert names.chinese_sort("长城", {}) == "word"
    assert names.chinese_sort("岚澈电池", {}) == "sure"


@pytest.mark.parametrize("name", ["known.csv", "former.csv"])
def test_hand_written_names_have_canonical_symbols_and_dates_in_order(name: str) -> None:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        assert canonical_symbol(row["symbol"]) == row["symbol"]
        assert all(len(text.rstrip("?")) >= 2 for text in row["names"].split(";")), row
        since, until = (day_of(row[key]) if row[key] else None for key in ("from", "to"))
        assert since is None or until is None or since < until, row


def test_no_listing_belongs_to_two_issuers() -> None:
    lines = (HERE / "same_issuer.txt").read_text(encoding="utf-8").splitlines()
    listings = [symbol for line in lines if not line.startswith("#") for symbol in line.split()]
    assert len(listings) == len(set(listings))


def test_words_against_a_name_stand_in_one_line_and_the_name_is_known() -> None:
    lines = (HERE / "words.txt").read_text(encoding="utf-8").splitlines()
    against = [line.split(": ")[0] for line in lines if not line.startswith("#")]
    assert len(against) == len(set(against))
    borne = {name.text for company in shipped().companies for name in company.names}
    assert set(against) <= borne
