"""What a series may spend and what it has spent: since when it is known, until when it learns, how often it fired."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from alerts.events import utc_text
from alerts.rules import Rule

DAY_MS = 86_400_000


class Account(NamedTuple):
    """A watched series: the start of the bucket of its first vote (ms since 1970), and its firings so far by rule."""

    born_ms: int
    fired: Mapping[str, int]


class Spent(msgspec.Struct, frozen=True):
    """What a series has spent of a rule's budget in the `weeks` since it learnt. A firing is spent whether it was false
    or a true surge: nobody can tell them apart here.

    `budget` and `a_week` are firings a week; `a_week` is None in the first week, which says nothing yet.
    """

    rule: str
    budget: float
    firings: int
    weeks: float
    a_week: float | None


def learnt_ms(account: Account, rule: Rule) -> int:
    """From when on the series may fire by the rule, in ms since 1970."""
    return account.born_ms + round(rule.learning_days * DAY_MS)


def learning_until(account: Account, rules: Sequence[Rule], series: str, now_ms: int) -> int | None:
    """Until when (ms since 1970) the series still learns by some of the rules that watch it; None if by none."""
    ends = [learnt_ms(account, rule) for rule in rules if rule.has_budget and rule.watches(series)]
    return max((end for end in ends if end > now_ms), default=None)


def spent(rule: Rule, firings: int, since_ms: int, until_ms: int) -> Spent:
    """So many firings in a time in which the series could fire."""
    weeks = (until_ms - since_ms) / (7 * DAY_MS)
    return Spent(
        rule.id, rule.series_budget, firings, round(weeks, 3), round(firings / weeks, 4) if weeks >= 1 else None
    )


def all_spent(account: Account, rules: Sequence[Rule], series: str, now_ms: int) -> tuple[Spent, ...]:
    """Of each rule with a budget that watches the series and by which it has learnt."""
    return tuple(
        spent(rule, account.fired.get(rule.id, 0), since_ms, now_ms)
        for rule in rules
        if rule.has_budget and rule.watches(series) and (since_ms := learnt_ms(account, rule)) <= now_ms
    )


class Ledger(msgspec.Struct, frozen=True):
    """What all series that a rule watches have spent: those that learnt for `series_weeks` together, `most` of which
    spent most, and how many are still `learning`, the last until `learning_until` (canonical text)."""

    rule: str
    budget: float
    firings: int
    series_weeks: float
    a_week: float | None
    most: dict[str, Spent]
    learning: int
    learning_until: str | None

    def text(self) -> str:
        """The same in lines for a terminal."""
        share = "" if self.a_week is None else f", {self.a_week:g} a series and week"
        until = f"; {self.learning} series still learn, the last until {self.learning_until}" if self.learning else ""
        head = (
            f"{self.rule}: {self.firings} firings in {self.series_weeks:g} series-weeks{share}, true surges among them;"
            f" the budget is {self.budget:g} false ones{until}"
        )
        rows = (
            f"  {name:<32} {one.firings:>4} in {one.weeks:>8.1f} weeks"
            + ("" if one.a_week is None else f", {one.a_week:g} a week")
            for name, one in self.most.items()
        )
        return "\n".join([head, *rows])


def ledger(rule: Rule, accounts: Mapping[str, Account], now_ms: int, limit: int) -> Ledger:
    """The accounts of the series that a rule (with a budget) watches, as of a time; `most` holds up to `limit` that
    have fired."""
    watched = {name: account for name, account in sorted(accounts.items()) if rule.watches(name)}
    each = {name: one for name, account in watched.items() for one in all_spent(account, (rule,), name, now_ms)}
    ends = [end for name, account in watched.items() if (end := learning_until(account, (rule,), name, now_ms))]
    firings, weeks = sum(one.firings for one in each.values()), sum(one.weeks for one in each.values())
    most = sorted((name for name in each if each[name].firings), key=lambda name: (-each[name].firings, name))
    return Ledger(
        rule=rule.id,
        budget=rule.series_budget,
        firings=firings,
        series_weeks=round(weeks, 3),
        a_week=round(firings / weeks, 4) if weeks >= 1 else None,
        most={name: each[name] for name in most[:limit]},
        learning=len(ends),
        learning_until=utc_text(max(ends)) if ends else None,
    )
