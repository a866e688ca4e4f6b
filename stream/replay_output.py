"""What a replay writes: alerts, opinions and metrics, as it goes. What is replayed, and from what history the baselines
are learnt before, is `replay`'s business.
"""

import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from alerts.accounts import Account, learnt_ms, spent
from alerts.events import Alert, encode_alert
from alerts.rules import Rule
from stream.errors import InputError
from stream.records import Opinion, encode
from stream.times import DAY_MS, format_ms, parse_ms


class Output:
    """The files of a replay, written as it goes. What the history before it raised is not part of it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._alerts = (folder / "alerts.jsonl").open("wb")
        self._packed = (folder / "opinions.jsonl.gz").open("wb")
        self._opinions: BinaryIO = gzip.GzipFile(  # type: ignore[assignment]
            filename="", mode="wb", compresslevel=3, fileobj=self._packed, mtime=0
        )
        self._labels: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._fired: Counter[str] = Counter()
        self._by_rule: Counter[str] = Counter()
        self._by_rule_and_series: Counter[tuple[str, str]] = Counter()
        self._first = self._last = ""
        self._start_ms = self._taught = 0

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        self._alerts.close()
        self._opinions.close()
        self._packed.close()

    def begin(self, start_ms: int, taught: int) -> None:
        """The replay starts at `start_ms`, after `taught` rows of history from which the baselines were learnt."""
        self._start_ms, self._taught = start_ms, taught

    def write(self, opinions: Sequence[Opinion], alerts: Sequence[Alert]) -> None:
        """Writes what a batch brought; alerts of buckets that ended by the start belong to the history."""
        for opinion in opinions:
            self._first = self._first or opinion.received_at
            self._last = opinion.received_at
            self._labels[opinion.sentiment.label] += 1
            self._languages[opinion.language] += 1
            self._opinions.write(encode(opinion) + b"\n")
        for alert in alerts:
            if parse_ms(alert.evaluated_at) <= self._start_ms:
                continue
            self._events[alert.event] += 1
            if alert.event == "fired":
                self._fired[alert.series.name] += 1
                self._by_rule_and_series[alert.rule.id, alert.series.name] += 1
                self._by_rule[alert.rule.id] += 1
            self._alerts.write(encode_alert(alert) + b"\n")

    def finish(self, refused: int, rules: Sequence[Rule], accounts: Mapping[str, Account]) -> dict[str, object]:
        """Writes and returns the metrics; `accounts` are those of the watched series at the end."""
        posts = sum(self._labels.values())
        if not posts:
            raise InputError(f"nothing usable in the input: {refused} rows refused")
        weeks = max((parse_ms(self._last) - parse_ms(self._first)) / DAY_MS / 7, 1 / 7)
        metrics: dict[str, object] = {
            "posts": posts,
            "refused": refused,
            "warmed": self._taught,
            "from": self._first,
            "to": self._last,
            "weeks": round(weeks, 3),
            "labels": dict(sorted(self._labels.items())),
            "languages": dict(sorted(self._languages.items())),
            "alerts": dict(sorted(self._events.items())),
            "firings_per_week": round(self._events["fired"] / weeks, 4),
            "firings_by_series": dict(sorted(self._fired.items(), key=lambda item: (-item[1], item[0]))),
            "rules": [
                {
                    "id": rule.id,
                    "version": rule.version,
                    "measure": rule.measure,
                    "firings_per_week": round(self._by_rule[rule.id] / weeks, 4),
                    **({"budget": rule.budget, "over": rule.over} if rule.has_budget else {}),
                    **(self._accounts(rule, accounts) if rule.has_budget else {}),
                }
                for rule in rules
            ],
        }
        text = json.dumps(metrics, ensure_ascii=False, indent=2)
        (self._folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
        return metrics

    def _accounts(self, rule: Rule, accounts: Mapping[str, Account]) -> dict[str, object]:
        """Series that the rule watches: what they spent, all together and one by one, and which learn until when."""
        end_ms = parse_ms(self._last)
        learnt = {name: learnt_ms(account, rule) for name, account in sorted(accounts.items()) if rule.watches(name)}
        each = {
            name: spent(rule, self._by_rule_and_series[rule.id, name], max(self._start_ms, ms), end_ms)
            for name, ms in learnt.items()
            if ms <= end_ms
        }
        firings, weeks = sum(one.firings for one in each.values()), sum(one.weeks for one in each.values())
        return {
            "series_weeks": round(weeks, 3),
            "spent": round(firings / weeks, 4) if weeks else None,
            "spent_by_series": {
                name: {"firings": one.firings, "weeks": one.weeks, "a_week": one.a_week} for name, one in each.items()
            },
            "learning": {name: format_ms(ms) for name, ms in learnt.items() if ms > end_ms},
        }


def describe(metrics: Mapping[str, object]) -> str:
    """The metrics in one line for a terminal."""
    text = (
        f"{metrics['posts']} posts from {metrics['from']} to {metrics['to']}, {metrics['refused']} refused, "
        f"alerts {metrics['alerts']}, {metrics['firings_per_week']} firings a week"
    )
    rules: Sequence[Mapping[str, Any]] = metrics["rules"]  # type: ignore[assignment]
    for rule in rules:
        if "budget" not in rule:
            text += f"; {rule['id']}: {rule['firings_per_week']:g} firings a week"
            continue
        if rule["spent"] is not None:
            text += f"; {rule['id']}: {rule['spent']:g} firings a series and week, true surges among them"
            text += f", budget {rule['budget'] / rule['over']:g} false ones"
        if learning := rule["learning"]:
            text += f"; {len(learning)} series still learn, the last until {max(learning.values())}"
    return text
