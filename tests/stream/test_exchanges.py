"""Claims about which exchange a series follows."""

import pytest

from alerts.calendars import calendar_named
from alerts.errors import CalendarError
from stream.companies.table import shipped
from stream.exchanges import calendars_with, unknown_on


@pytest.mark.parametrize(
    ("series", "exchange"),
    [
        ("issuer:ORBQ", "XNYS"),
        ("issuer:BRK.B", "XNYS"),
        ("issuer:699101.SH", "XSHG"),
        ("issuer_topic:000001.SZ|earnings", "XSHE"),
        ("issuer:430001.BJ", "BJSE"),
        ("issuer_topic:0700.HK|recall", "XHKG"),
        ("market:all", "XLON"),
        ("sector:energy", "XLON"),
        ("topic:recall", "XLON"),
        ("source:0700.HK", "XLON"),
    ],
)
def test_a_company_follows_its_primary_listing_and_all_else_the_settings(series: str, exchange: str) -> None:
    assert calendars_with("XLON")(series) == exchange


def test_every_company_of_the_table_has_a_calendar() -> None:
    calendar_of = calendars_with("")
    for name in {calendar_of(f"issuer:{company.symbol}") for company in shipped().companies}:
        calendar_named(name)


def test_a_wrong_setting_is_told_before_anything_starts() -> None:
    with pytest.raises(CalendarError, match="unknown calendar 'NYSE'; known are"):
        calendars_with("NYSE")


def test_exchanges_whose_holidays_have_run_out_are_named_with_the_last_day_that_is_known() -> None:
    assert unknown_on("2026-06-01", "XLON") == {}
    late = unknown_on("2030-01-01", "XSES")
    assert late.keys() == {"XSHG", "XSHE", "BJSE", "XSES"}
    assert all("2026-12-31" <= last < "2030-01-01" for last in late.values())
