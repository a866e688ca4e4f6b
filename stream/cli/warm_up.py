"""The command `warm-up`: a fresh deployment learns from files before it starts."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from stream.cli.servers import Clock, stream_settings
from stream.cli.shell import Json, Prefix, RejectsFile, progress, report

T = TypeVar("T")


def warm_up(
    posts: Annotated[list[Path] | None, typer.Option(help="Files of posts (give it once per file).")] = None,
    opinions: Annotated[list[Path] | None, typer.Option(help="Files of opinions, instead of posts.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Received time to stop before [live: now].")] = None,
    rejects: RejectsFile = None,
    prefix: Prefix = None,
    clock: Clock = None,
    as_json: Json = False,
) -> None:
    """Teach a deployment that has not begun from history, so that its first day is not blind; nothing of it is told.

    Example: groundswell warm-up --posts year.jsonl.gz
    """
    if bool(posts) == bool(opinions):
        raise typer.BadParameter("give either --posts or --opinions")
    from alerts.rules import load_rules
    from classifier.inference import load_configured
    from stream import warm_up as room
    from stream.agents.snapshots import read_snapshots, write_snapshots
    from stream.companies import Companies
    from stream.companies.table import sectors_with
    from stream.errors import NotFresh
    from stream.exchanges import calendars_with
    from stream.files import Rejects
    from stream.pipeline import Judge
    from stream.replay import read_opinions, read_posts, span_of
    from stream.settings import author_key
    from stream.stores.connect import story_store, trend_store
    from stream.topics import partitions_of, topics

    config = stream_settings(prefix, clock)
    rules, store, stories = load_rules(config.rules), trend_store(config), story_store(config)
    span = span_of(None, end)
    if config.clock == "broker":  # what is to come has not been heard
        span.end_ms = min(_now_ms(), span.end_ms or _now_ms())
    room.check_fresh(store)
    state = topics(config.prefix).state
    partitions_of(config, state)
    if read_snapshots(config, state):
        raise NotFresh(f"{state} holds snapshots of an earlier run; 'groundswell worker trends' goes on from them")
    with progress("warm-up") as tell, Rejects(rejects or Path("warm-up.rejects.jsonl")) as refused:
        if posts:
            model = load_configured(config.model, config.foreign, config.engine)
            linker = Companies(config.companies.file)
            judge = Judge(model, stories, config.sources, "record", lambda received_ms: received_ms, linker=linker)
            rows = read_posts(posts, span, config.sources, author_key(config, create=True), refused)
            batches, total = room.judged(rows, judge, refused), len(rows)
        else:
            told = read_opinions(opinions or [], span, refused)
            batches, total = room.retold(told, stories, config.sources), len(told)
        warmed = room.warm_up(
            store,
            _watched(batches, total, tell),
            rules=rules,
            sources=config.sources,
            sectors=sectors_with(config.sectors),
            calendar_of=calendars_with(config.calendar),
            owner=uuid.uuid4().hex,
            now_ms=_now_ms,
        )
        number = refused.count
    write_snapshots(config, state, warmed.snapshots)
    text = (
        f"{warmed.opinions} opinions from {warmed.start} to {warmed.end}, {number} refused"
        + (f" (see {refused.path})" if number else "")
        + f"; {warmed.series} series are known"
        + (f", of which {warmed.learning} still learn" if warmed.learning else "")
    )
    report({**warmed._asdict(), "snapshots": len(warmed.snapshots), "refused": number}, text, as_json)


def _watched(batches: Iterator[Sequence[T]], total: int, tell: Callable[[int, int], None]) -> Iterator[Sequence[T]]:
    done = 0
    for batch in batches:
        yield batch
        tell(done := done + len(batch), total)


def _now_ms() -> int:
    return int(time.time() * 1000)


COMMANDS = {"warm-up": warm_up}
