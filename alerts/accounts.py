"""What a series may spend and what it has spent: since when it is known, until when it learns, how often it fired."""

from typing import NamedTuple

from alerts.rules import Rule

DAY_MS = 86_400_000


class Account(NamedTuple):
    """A watched series: the start of the bucket of its first vote (ms since 1970), and its firings so far by rule."""

    born_ms: int
    fired: dict[str, int]


def learnt_ms(account: Account, rule: Rule) -> int:
    """From when on the series may fire by the rule, in ms since 1970."""
    return account.born_ms + round(rule.learning_days * DAY_MS)
