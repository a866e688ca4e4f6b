"""History through the live pipeline: the same stages on the record clock, files in and files out, no notifications.
The output depends on the input, the rules and the model alone: a second run writes the same bytes. History from before
teaches the baselines, and brings nothing out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from alerts.calendars import CalendarOf
from alerts.rules import Rule
from classifier.inference import Classifier
from stream.cleaning import Sources
from stream.companies import SHIPPED
from stream.embedded import Spine
from stream.errors import InputError, RecordRefused
from stream.files import Rejects, read_rows
from stream.ingest import Prepared, read_history
from stream.linking import Linker
from stream.records import Message, Opinion, decode_opinion
from stream.replay_output import Output
from stream.times import format_ms, parse_ms

BATCH = 1000
Progress = Callable[[int, int], None]
_Row = TypeVar("_Row")


class Span:
    """The part of history asked for: received times in [start_ms, end_ms)."""

    def __init__(self, start_ms: int | None = None, end_ms: int | None = None) -> None:
        self.start_ms, self.end_ms = start_ms, end_ms

    def __contains__(self, received_ms: int) -> bool:
        after = self.start_ms is None or self.start_ms <= received_ms
        return after and (self.end_ms is None or received_ms < self.end_ms)

    def begins(self, told_ms: Iterable[int]) -> int:
        """When the replay starts: where the span does, or else with the first row of those that are told."""
        return self.start_ms if self.start_ms is not None else next(iter(told_ms), 0)


def replay_posts(
    paths: Sequence[Path],
    out: Path,
    *,
    classifier: Classifier,
    rules: Sequence[Rule],
    sources: Sources,
    sectors: Mapping[str, str],
    calendar_of: CalendarOf,
    author_key: bytes,
    span: Span,
    rejects: Path,
    progress: Progress,
    linker: Linker = SHIPPED,
    warm_up: Sequence[Path] = (),
) -> dict[str, object]:
    """Replays posts; writes `alerts.jsonl`, `opinions.jsonl.gz` and `metrics.json` into `out`, returns the metrics.

    `warm_up` are files of earlier posts: what they say from before the start teaches, and is not part of the replay.
    """
    with Rejects(rejects) as refused, Output(out) as output:
        told = read_posts(paths, span, sources, author_key, refused)
        start_ms = span.begins(row.received_ms for row in told)
        past = read_posts(warm_up, Span(None, start_ms), sources, author_key, refused, said=paths)
        _check_history(warm_up, past, start_ms)
        output.begin(start_ms, len(past))
        spine = Spine(classifier, rules, sources, None, sectors=sectors, linker=linker, calendar_of=calendar_of)
        for done, rows in _batches(past, told):
            fed = spine.feed([Message(row.value, offset=row.line) for row in rows])
            for letter in fed.refused:
                refused.add(letter.message.offset, letter.reason, letter.message.value or b"")
            if done > len(past):
                output.write(fed.opinions, fed.alerts)
            progress(done, len(past) + len(told))
        output.write([], spine.finish())
        return output.finish(refused.count, rules, spine.trends.accounts())


def replay_opinions(
    paths: Sequence[Path],
    out: Path,
    *,
    rules: Sequence[Rule],
    sources: Sources,
    sectors: Mapping[str, str],
    calendar_of: CalendarOf,
    span: Span,
    rejects: Path,
    progress: Progress,
    warm_up: Sequence[Path] = (),
) -> dict[str, object]:
    """Replays opinions as they were judged then; the same files, history and return value as `replay_posts`."""
    with Rejects(rejects) as refused, Output(out) as output:
        told = read_opinions(paths, span, refused)
        start_ms = span.begins(parse_ms(opinion.received_at) for opinion in told)
        past = read_opinions(warm_up, Span(None, start_ms), refused, said=paths)
        _check_history(warm_up, past, start_ms)
        known = {opinion.id for opinion in past}
        told = [opinion for opinion in told if opinion.id not in known]
        output.begin(start_ms, len(past))
        spine = Spine(None, rules, sources, None, sectors=sectors, calendar_of=calendar_of)
        for done, batch in _batches(past, told):
            alerts = spine.take(batch)
            if done > len(past):
                output.write(batch, alerts)
            progress(done, len(past) + len(told))
        output.write([], spine.finish())
        return output.finish(refused.count, rules, spine.trends.accounts())


def _check_history(warm_up: Sequence[Path], past: Sequence[object], start_ms: int) -> None:
    if warm_up and not past:
        raise InputError(
            f"nothing usable in --warm-up was received before {format_ms(start_ms)}, where the replay starts; "
            "give earlier files, or a later --from"
        )


def _batches(past: Sequence[_Row], told: Sequence[_Row]) -> Iterator[tuple[int, Sequence[_Row]]]:
    """Batches of the history, then of what is told, each with how many rows there are up to its end."""
    for rows, before in ((past, 0), (told, len(past))):
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            yield before + start + len(batch), batch


def read_posts(
    paths: Sequence[Path], span: Span, sources: Sources, key: bytes, refused: Rejects, said: Sequence[Path] = ()
) -> list[Prepared]:
    """The posts of a span in time; bad rows go to `refused`, but for those of the files `said`, which are there."""

    def refuse(path: Path, row: Prepared) -> None:
        if path not in said:
            refused.add(row.line, row.reason or "", row.value, str(path))

    return [row for row in read_history(paths, sources, key, refuse) if row.received_ms in span]


def read_opinions(paths: Sequence[Path], span: Span, refused: Rejects, said: Sequence[Path] = ()) -> list[Opinion]:
    """The opinions of a span in time, of each id the one received first; bad rows as in `read_posts`."""
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
                if path not in said:
                    refused.add(row.line, str(refusal), row.value, str(path))
    return sorted(opinions.values(), key=lambda opinion: (opinion.received_at, opinion.id))


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
