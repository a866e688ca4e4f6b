"""Claims about accounts: what is spent is counted from when a series learnt, and survives a restart."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alerts.accounts import DAY_MS, Account, all_spent, learning_until, ledger
from alerts.rules import Rule
from alerts.watch import Watch
from tests.alerts.votes_of_days import DAY_MIN, RULE, START_MIN, Burst, days
from tests.examples import examples

PATIENT = Rule("patient", ("issuer", "topic"), budget=0.05, learning_days=7)
WEEK_MS = 7 * DAY_MS
START_MS, END_MIN = START_MIN * 60_000, START_MIN + 3 * DAY_MIN
HISTORY = days(
    1, 3, (Burst("issuer:C1", DAY_MIN + 600, per_hour=60), Burst("issuer:C1", 2 * DAY_MIN + 600, per_hour=60))
)


def test_spent_is_counted_from_when_the_series_learnt_and_by_each_rule_that_watches_it() -> None:
    account = Account(1000, {"negative-surge": 3})
    now_ms = 1000 + 4 * WEEK_MS + DAY_MS
    first, second = all_spent(account, (RULE, PATIENT), "issuer:A", now_ms)
    assert (first.budget, first.firings, first.weeks, first.a_week) == (0.25, 3, 4.0, 0.75)
    assert (second.rule, second.firings, second.a_week) == ("patient", 0, 0.0)
    assert all_spent(account, (RULE,), "topic:recall", now_ms) == ()


def test_a_rate_is_given_after_the_first_week_and_nothing_while_it_learns() -> None:
    account = Account(0, {"negative-surge": 1})
    assert all_spent(account, (RULE,), "issuer:A", DAY_MS - 1) == ()
    assert learning_until(account, (RULE,), "issuer:A", DAY_MS - 1) == DAY_MS
    assert learning_until(account, (RULE,), "issuer:A", DAY_MS) is None
    assert learning_until(account, (RULE,), "topic:recall", 0) is None
    [early] = all_spent(account, (RULE,), "issuer:A", 2 * DAY_MS)
    assert (early.firings, early.weeks, early.a_week) == (1, 0.143, None)


def test_a_ledger_adds_the_series_up_and_names_those_that_spent_most() -> None:
    accounts = {
        "issuer:A": Account(0, {"negative-surge": 1}),
        "issuer:B": Account(0, {"negative-surge": 2}),
        "issuer:C": Account(0, {}),
        "issuer:NEW": Account(2 * WEEK_MS, {}),
        "topic:recall": Account(0, {"negative-surge": 9}),
    }
    found = ledger(RULE, accounts, DAY_MS + 2 * WEEK_MS - 1, 1)
    assert (found.firings, found.series_weeks, found.a_week, list(found.most)) == (3, 6.0, 0.5, ["issuer:B"])
    assert (found.learning, found.learning_until) == (1, "1970-01-16T00:00:00.000Z")
    assert "3 firings in 6 series-weeks, 0.5 a series and week, true surges among them" in found.text()
    assert "1 series still learn, the last until 1970-01-16" in found.text()
    assert ledger(RULE, {}, 0, 5).text().startswith("negative-surge: 0 firings in 0 series-weeks, true")


@examples(10)
@given(cuts=st.lists(st.integers(START_MIN, END_MIN), max_size=4, unique=True), stored=st.booleans())
def test_however_the_minutes_are_cut_the_accounts_are_those_of_the_alerts(cuts: list[int], stored: bool) -> None:
    watch = Watch([RULE])
    kept: dict[str, Account] = {}
    fired: dict[str, int] = {}
    for start, until in pairwise([0, *sorted(cuts), END_MIN]):
        if stored:
            watch = Watch.from_bytes(watch.to_bytes(), [RULE], watch.voted)
            kept.clear()  # a store that lost them gets them all again
        step = watch.advance([minute for minute in HISTORY if start <= minute.minute < until], until)
        kept.update(step.accounts)
        for alert in step.alerts:
            if alert.event == "fired":
                fired[alert.series.name] = fired.get(alert.series.name, 0) + 1
    assert fired["issuer:C1"] == 2
    assert {name: account.fired.get(RULE.id) for name, account in kept.items()} == {
        name: fired.get(name) for name in ("issuer:C0", "issuer:C1", "issuer:C2")
    }
    assert all(START_MS <= account.born_ms < START_MS + DAY_MS for account in kept.values())


def test_a_rule_without_a_budget_has_no_account_and_teaches_nothing() -> None:
    breakout = Rule("breakout", ("issuer",), measure="breakout")
    account = Account(1000, {"breakout": 3})
    assert all_spent(account, (breakout,), "issuer:A", 1000 + 4 * WEEK_MS) == ()
    assert learning_until(account, (breakout,), "issuer:A", 1000) is None
