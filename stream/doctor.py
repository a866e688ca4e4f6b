"""What may be wrong with this installation: settings, model, servers, clock. Looks and says; changes nothing."""

import resource
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import NamedTuple, get_args

from alerts.errors import AlertsError
from alerts.events import SeriesKind
from alerts.rules import load_rules
from classifier.engine.tuning import kept, workers_on_card
from classifier.errors import ClassifierError
from classifier.inference import SHIPPED, load_configured
from classifier.placement import cores
from stream.errors import GroundswellError
from stream.settings import Settings
from stream.stores.connect import Seen, elasticsearch_seen, redis_seen, trend_store
from stream.stores.protocols import OTHER, SERIES_KEPT
from stream.topics import partitions_of, topics

MAX_SKEW_MS = 2000  # between this machine's clock and a server's; more shifts minutes
_SENTENCES = (("Profit collapsed and the shares plunge", "en", "negative"), ("公司净利润大幅增长", "zh", "positive"))


class Finding(NamedTuple):
    """One thing looked at: `ok`, `warning` or `failed`, what was seen, and what to do."""

    name: str
    state: str
    seen: str
    advice: str = ""


def examine(settings: Settings, clock_ms: Callable[[], int]) -> Iterator[Finding]:
    """Look at one thing after the other; a thing that fails never keeps the next from being looked at."""
    yield Finding("groundswell", "ok", f"version {version('groundswell')}, {cores()} cores")
    yield _rules(settings)
    yield _model(settings)
    yield _tuning(settings)
    yield from _card(settings)
    yield _kafka(settings)
    seen: dict[str, Seen] = {}
    for name, ask in (("redis", redis_seen), ("elasticsearch", elasticsearch_seen)):
        try:
            seen[name] = ask(settings)
        except GroundswellError as error:
            yield Finding(name, "failed", str(error))
            continue
        state = "warning" if seen[name].warning else "ok"
        yield Finding(name, state, f"version {seen[name].version}", seen[name].warning)
    if "redis" in seen:
        yield _folded(settings)
    yield _clock(seen.get("redis"), clock_ms())


def _rules(settings: Settings) -> Finding:
    try:
        rules = load_rules(settings.rules)
    except (AlertsError, OSError) as error:
        return Finding("rules", "failed", str(error), f"correct {settings.rules}, or set rules to another file")
    return Finding("rules", "ok", f"{len(rules)} in {settings.rules}")


def _model(settings: Settings) -> Finding:
    started_s = time.perf_counter()
    try:
        model = load_configured(settings.model, settings.foreign, settings.engine)
        texts, languages, wanted = zip(*_SENTENCES, strict=True)
        said = [one.label for one in model.classify(texts, languages, [()] * len(texts))]
    except (ClassifierError, OSError) as error:
        return Finding(
            "model", "failed", str(error), "set model to a model folder, or leave it out for the shipped one"
        )
    seconds, resident_mb = time.perf_counter() - started_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seen = (
        f"{model.info.id} {model.info.version} ({model.info.digest[:12]}), up in {seconds:.1f} s, {resident_mb:.0f} MB"
    )
    if said != list(wanted):
        return Finding("model", "warning", seen, f"it reads {texts[0]!r} as {said[0]} and {texts[1]!r} as {said[1]}")
    return Finding("model", "ok", seen)


def _tuning(settings: Settings) -> Finding:
    path = settings.engine.tuning
    try:
        tuned = kept(path, settings.model or SHIPPED)
    except ClassifierError as error:
        return Finding("tuning", "failed", str(error))
    if tuned is None:
        there = "is of another machine or model" if path.exists() else "is not there"
        return Finding("tuning", "ok", f"{path} {there}: all cores, the usual batch", "groundswell doctor --tune")
    chosen = tuned.placement
    where = chosen.device or f"ONNX Runtime, {chosen.threads} threads{', pinned' if chosen.pinned else ''}"
    return Finding(
        "tuning", "ok", f"{where}, {chosen.batch_tokens} tokens a batch: {tuned.texts_per_s:.0f} texts/s here"
    )


def _card(settings: Settings) -> Iterator[Finding]:
    try:
        workers = workers_on_card(settings.model or SHIPPED) if settings.engine.device != "cpu" else None
    except ClassifierError as error:
        yield Finding("card", "failed", str(error))
        return
    if workers is not None:
        yield Finding(
            "card", "ok", f"memory for {workers} classify workers", "groundswell worker classify, once for each"
        )


def _kafka(settings: Settings) -> Finding:
    posts = topics(settings.prefix).posts
    try:
        count = partitions_of(settings, posts)
    except GroundswellError as error:
        return Finding("kafka", "failed", str(error))
    return Finding("kafka", "ok", f"{settings.kafka.bootstrap}, {count} partitions of {posts}")


def _folded(settings: Settings) -> Finding:
    store = trend_store(settings)
    try:
        folded = {kind: number for kind in get_args(SeriesKind) if (number := store.folded(kind))}
    except GroundswellError as error:
        return Finding("trends", "failed", str(error))
    if not folded:
        return Finding("trends", "ok", "every series is kept apart")
    seen = ", ".join(f"{number} of {kind}" for kind, number in folded.items())
    advice = f"the least active go into {next(iter(folded))}{OTHER} from {SERIES_KEPT:,} of a kind on (docs/trends.md)"
    return Finding("trends", "warning", f"series folded together: {seen}", advice)


def _clock(seen: Seen | None, now_ms: int) -> Finding:
    if seen is None or seen.clock_ms is None:
        return Finding("clock", "ok", "not compared: no server tells its time")
    skew_ms = now_ms - seen.clock_ms
    text = f"{abs(skew_ms)} ms {'ahead of' if skew_ms > 0 else 'behind'} Redis"
    if abs(skew_ms) > MAX_SKEW_MS:
        return Finding("clock", "warning", text, "set both machines by NTP: minutes are counted in the broker's time")
    return Finding("clock", "ok", text)
