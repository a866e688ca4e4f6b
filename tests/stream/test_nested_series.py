"""Claims about sectors over companies: one company's surge is told once, the same however it is counted and closed."""

import msgspec
import pytest

from alerts.dispatcher import interrupts
from alerts.events import Alert
from alerts.rules import Rule
from alerts.votes import decode_excerpt, encode_excerpt
from stream.stores.memory import MemoryTrends
from stream.stores.protocols import Counted
from stream.times import MINUTE_MS, format_ms
from stream.trends import Closer
from tests.alerts.votes_of_days import DAY_MIN, START_MIN, Burst, days
from tests.stream.test_trends import Hand, counted, in_turns

RULE = Rule("negative-surge", ("issuer", "sector"))
COMPANIES = 6
SECTORS = {f"C{number}": "chips" for number in range(COMPANIES)}
AT_MIN = 2 * DAY_MIN + 300


def with_sector(doc: Counted) -> Counted:
    """The post as its company's sector hears it too."""
    (own,) = doc.votes
    excerpt = doc.excerpt
    if excerpt:
        excerpt = encode_excerpt(msgspec.structs.replace(decode_excerpt(excerpt), companies=(own.series[7:],)))
    return doc._replace(votes=(own, own._replace(series="sector:chips")), excerpt=excerpt)


def posts(*fallen: int, per_hour: int) -> list[Counted]:
    """Three days of six companies, of which some come under fire for three hours."""
    bursts = [Burst(f"issuer:C{number}", AT_MIN, hours=3, per_hour=per_hour) for number in fallen]
    return [with_sector(doc) for doc in counted(days(7, 3, bursts, companies=COMPANIES))]


def raised(docs: list[Counted], shards: int = 1, pieces: int = 1, workers: int = 1) -> list[Alert]:
    """All alerts when the posts come in so many pieces and workers take turns in closing."""

    def make(store: MemoryTrends, owner: str, clock: Hand) -> Closer:
        return Closer(store, [RULE], owner, clock, sectors=SECTORS)

    alerts = in_turns(docs, shards, pieces, workers, make)
    return [one for one in alerts if one.evaluated_at >= format_ms((START_MIN + AT_MIN) * MINUTE_MS)]


LIFTED = raised(posts(1, per_hour=12))


def test_a_sector_lifted_by_one_company_is_held_and_its_company_is_told() -> None:
    company = next(one for one in LIFTED if one.series.kind == "issuer")
    sector = [one for one in LIFTED if one.series.kind == "sector"]
    assert [(one.event, one.told_by, interrupts(one)) for one in sector] == [
        ("fired", company.incident, False),
        ("resolved", company.incident, False),
    ]
    assert sector[0].drivers.companies[0].id == "C1"
    assert all(interrupts(one) for one in LIFTED if one.series.kind == "issuer")


def test_a_sector_in_which_three_companies_fall_is_told_and_holds_them() -> None:
    alerts = raised(posts(1, 2, 3, per_hour=8))
    sector = next(one for one in alerts if one.series.kind == "sector")
    assert (sector.event, sector.told_by, interrupts(sector)) == ("fired", None, True)
    companies = [one for one in alerts if one.series.kind == "issuer" and one.event == "fired"]
    assert {one.parent for one in companies} == {sector.incident}
    assert len(companies) == 3


@pytest.mark.parametrize(("shards", "pieces", "workers"), [(1, 40, 1), (3, 1, 1), (5, 60, 3)])
def test_shards_pieces_and_workers_change_no_byte_of_it(shards: int, pieces: int, workers: int) -> None:
    assert raised(posts(1, per_hour=12), shards, pieces, workers) == LIFTED
