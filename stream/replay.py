"""History through the live pipeline: the same stages on the record clock, files in and files out, no notifications.
The output depends on the input, the rules and the model alone: a second run writes the same bytes.
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from alerts.events import Alert, encode_alert
from alerts.rules import Rule
from classifier.inference import Classifier
from stream.cleaning import Sources
from stream.companies import SHIPPED
from stream.embedded import Spine
from stream.errors import InputError, RecordRefused
from stream.files import Rejects, read_rows
from stream.ingest import Prepared, read_history
from stream.linking import Linker
from stream.records import Message, Opinion, decode_opinion, encode
from stream.times import DAY_MS, parse_ms

BATCH = 1000
Progress = Callable[[int, int], None]


class Span:
    """The part of history asked for: received times in [start_ms, end_ms)."""

    def __init__(self, start_ms: int | None = None, end_ms: int | None = None) -> None:
        self.start_ms = start_ms if start_ms is not None else -(2**62)
        self.end_ms = end_ms if end_ms is not None else 2**62

    def __contains__(self, received_ms: int) -> bool:
        return self.start_ms <= received_ms < self.end_ms


def replay_posts(
    paths: Sequence[Path],
    out: Path,
    *,
    classifier: Classifier,
    rules: Sequence[Rule],
    sources: Sources,
    sectors: Mapping[str, str],
    author_key: bytes,
    span: Span,
    rejects: Path,
    progress: Progress,
    linker: Linker = SHIPPED,
) -> dict[str, object]:
    """Replays posts; writes `alerts.jsonl`, `opinions.jsonl.gz` and `metrics.json` into `out`, returns the metrics."""
    with Rejects(rejects) as refused, _Output(out) as output:

        def refuse(path: Path, row: Prepared) -> None:
            refused.add(row.line, row.reason or "", row.value, str(path))

        history = read_history(paths, sources, author_key, refuse)
        history = [row for row in history if row.received_ms in span]
        spine = Spine(classifier, rules, sources, None, sectors=sectors, linker=linker)
        for start in range(0, len(history), BATCH):
            rows = history[start : start + BATCH]
            fed = spine.feed([Message(row.value, offset=row.line) for row in rows])
            for letter in fed.refused:
                refused.add(letter.message.offset, letter.reason, letter.message.value or b"")
            output.write(fed.opinions, fed.alerts)
            progress(start + len(rows), len(history))
        output.write([], spine.finish())
        return output.finish(refused.count, rules)


def replay_opinions(
    paths: Sequence[Path],
    out: Path,
    *,
    rules: Sequence[Rule],
    sources: Sources,
    sectors: Mapping[str, str],
    span: Span,
    rejects: Path,
    progress: Progress,
) -> dict[str, object]:
    """Replays opinions as they were judged then; the same files and return value as `replay_posts`."""
    with Rejects(rejects) as refused, _Output(out) as output:
        opinions: dict[str, Opinion] = {}
        for path in paths:
            for row in read_rows(path):
                try:
                    opinion = decode_opinion(row.value)
                    if parse_ms(opinion.received_at) in span:
                        known = opinions.setdefault(opinion.id, opinion)
                        if opinion.received_at < known.received_at:
                            opinions[opinion.id] = opinion
                except (RecordRefused, ValueError) as refusal:
                    refused.add(row.line, str(refusal), row.value, str(path))
        ordered = sorted(opinions.values(), key=lambda opinion: (opinion.received_at, opinion.id))
        spine = Spine(None, rules, sources, None, sectors=sectors)
        for start in range(0, len(ordered), BATCH):
            batch = ordered[start : start + BATCH]
            output.write(batch, spine.take(batch))
            progress(start + len(batch), len(ordered))
        output.write([], spine.finish())
        return output.finish(refused.count, rules)


class _Output:
    """The files of a replay, written as it goes."""

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

    def __enter__(self) -> "_Output":
        return self

    def __exit__(self, *_: object) -> None:
        self._alerts.close()
        self._opinions.close()
        self._packed.close()

    def write(self, opinions: Sequence[Opinion], alerts: Sequence[Alert]) -> None:
        for opinion in opinions:
            self._first = self._first or opinion.received_at
            self._last = opinion.received_at
            self._labels[opinion.sentiment.label] += 1
            self._languages[opinion.language] += 1
            self._opinions.write(encode(opinion) + b"\n")
        for alert in alerts:
            self._events[alert.event] += 1
            if alert.event == "fired":
                self._fired[f"{alert.series.kind}:{alert.series.key}"] += 1
                self._by_rule[alert.rule.id] += 1
            self._alerts.write(encode_alert(alert) + b"\n")

    def finish(self, refused: int, rules: Sequence[Rule]) -> dict[str, object]:
        posts = sum(self._labels.values())
        if not posts:
            raise InputError(f"nothing usable in the input: {refused} rows refused")
        weeks = max((parse_ms(self._last) - parse_ms(self._first)) / DAY_MS / 7, 1 / 7)
        metrics: dict[str, object] = {
            "posts": posts,
            "refused": refused,
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
                    "over": rule.over,
                    "firings_per_week": round(self._by_rule[rule.id] / weeks, 4),
                }
                for rule in rules
            ],
        }
        text = json.dumps(metrics, ensure_ascii=False, indent=2)
        (self._folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
        return metrics


def span_of(start: str | None, end: str | None) -> Span:
    """A span from two RFC 3339 times or dates; `InputError` names what is wrong."""
    return Span(_ms(start, "--from"), _ms(end, "--to"))


def _ms(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_ms(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError as error:
        raise InputError(f"{option} {text}: {error}; give 2026-01-05 or 2026-01-05T09:30:00Z") from None


def describe(metrics: dict[str, object]) -> str:
    """The metrics in one line for a terminal."""
    return (
        f"{metrics['posts']} posts from {metrics['from']} to {metrics['to']}, {metrics['refused']} refused, "
        f"alerts {metrics['alerts']}, {metrics['firings_per_week']} firings a week"
    )
