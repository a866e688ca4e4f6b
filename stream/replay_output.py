"""What a replay writes: alerts, opinions and metrics, as it goes. What is replayed, and from what history the baselines
are learnt before, is `replay`'s business.
"""

import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from alerts.accounts import Account, learnt_ms
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
        self._first = self._last = ""
        self._start_ms: int | None = None
        self._taught = 0

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
            if self._start_ms is not None and parse_ms(alert.evaluated_at) <= self._start_ms:
                continue
            self._events[alert.event] += 1
            if alert.event == "fired":
                self._fired[f"{alert.series.kind}:{alert.series.key}"] += 1
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
                    "budget": rule.budget,
                    "firings_per_week": round(self._by_rule[rule.id] / weeks, 4),
                    "learning": _learning(rule, accounts, parse_ms(self._last)),
                }
                for rule in rules
            ],
        }
        text = json.dumps(metrics, ensure_ascii=False, indent=2)
        (self._folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
        return metrics


def _learning(rule: Rule, accounts: Mapping[str, Account], end_ms: int) -> dict[str, str]:
    """Series that the rule watches and that are too new at the end to fire -> until when."""
    until = {name: learnt_ms(account, rule) for name, account in sorted(accounts.items()) if rule.watches(name)}
    return {name: format_ms(ms) for name, ms in until.items() if ms > end_ms}


def describe(metrics: Mapping[str, object]) -> str:
    """The metrics in one line for a terminal."""
    text = (
        f"{metrics['posts']} posts from {metrics['from']} to {metrics['to']}, {metrics['refused']} refused, "
        f"alerts {metrics['alerts']}, {metrics['firings_per_week']} firings a week"
    )
    rules: Sequence[Mapping[str, dict[str, str]]] = metrics["rules"]  # type: ignore[assignment]
    for learning in (rule["learning"] for rule in rules if rule["learning"]):
        text += f"; {len(learning)} series still learn, the last until {max(learning.values())}"
    return text
