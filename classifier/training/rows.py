"""Which rows a language's encoder learns from: the labelled sets, names within texts, our own rules and sentences.

Held-out texts (dev and test of a task) never enter, nor do sets that may not train.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from classifier import data
from classifier.labels import topic_ids
from classifier.training import silver
from classifier.training.mixture import Row
from classifier.training.written import written

RULED_MOOD_ON = ("en_topic_tweets", "zh_news_flashes", "zh_headlines_general")
RULED_TOPICS_ON = ("zh_company_news", "zh_forum_posts", "zh_headlines_general")
STOCK_FORUMS = ("zh_forum_posts",)  # what people say there is commentary on a stock, and no news of a company
_COMPANY_NEWS, _STOCK_COMMENTARY = topic_ids().index("company_news"), topic_ids().index("stock_commentary")
_RULED_WEIGHT = 0.5  # how much a topic told by rule counts, beside one told by people


def rows_of(
    folder: Path | None, language: str, sentences: int, seed: int, own: Sequence[data.OwnFile] = ()
) -> list[Row]:
    """Return all rows to train on in one language; `sentences` is how many of ours are written, `own` users' files."""
    _, examples, marked, _ = data.load(folder, own, language)
    by_task = {task: _of(examples, task) for task in ("sentiment", "topics")}
    held = {task: data.held_keys(examples, task) for task in by_task}
    # A near twin of a held-out text teaches its label by heart, and its score means nothing.
    rows = [
        row_of(example)
        for task, own_examples in by_task.items()
        for example in data.drop_leaks(data.training_part(own_examples, held[task]), own_examples)
    ]
    rows += _ruled_mood(examples, held["sentiment"])
    if language == "zh":
        rows += _ruled_topics(examples, held["sentiment"] | held["topics"])
    names = [name for name in marked if name.data_set.trains and name.split == "train"]
    names = data.drop_leaks(names, by_task["sentiment"])
    rows += [_marked_row(name) for name in names if name.key not in held["sentiment"]]
    ours = [sentence for sentence in written(sentences, seed) if sentence.language == language] if sentences else []
    bits = data.SENTIMENT_BITS
    return rows + [Row(one.text, f"{language}_written", data.ANY, bits[one.sentiment]) for one in ours]


def _of(examples: Iterable[data.Example], task: str) -> list[data.Example]:
    return [example for example in examples if example.data_set.task == task]


def row_of(example: data.Example) -> Row:
    """One labelled text; a topic row's other topics are told by rule."""
    data_set = example.data_set
    if data_set.task == "sentiment":
        return Row(example.text, data_set.name, data_set.nameable, example.allowed)
    known = data_set.topics
    ruled, weights = _by_rule(example, known)
    return Row(
        example.text,
        data_set.name,
        topics=(*example.topics, *ruled),
        topic_weights=(*((topic, 1.0) for topic in known), *weights),
        exclusive=data_set.exclusive,
    )


def _by_rule(example: data.Example, known: Iterable[int]) -> tuple[tuple[int, ...], tuple[tuple[int, float], ...]]:
    """Return the topics that a rule finds, out of those that the set cannot name, and all on which a rule speaks."""
    decided = [topic for topic in silver.ruled(example.data_set.language) if topic not in set(known)]
    spoken = set(silver.topics(example.text, example.data_set.language))
    if example.data_set.name in STOCK_FORUMS:
        decided = sorted({*decided, _COMPANY_NEWS})
        spoken = spoken - {_COMPANY_NEWS} | {_STOCK_COMMENTARY}
    return tuple(topic for topic in decided if topic in spoken), tuple((topic, _RULED_WEIGHT) for topic in decided)


def _ruled_mood(examples: Sequence[data.Example], held: set[str]) -> list[Row]:
    """Return news that has words of one mood only: no set gives the mood of Chinese news in full."""
    found = []
    for row in examples:
        if row.data_set.name in RULED_MOOD_ON and row.split == "train" and row.key not in held:
            name = silver.mood(row.text, row.data_set.language)
            if name is not None:
                kind = "neutral" if name == "neutral" else "mood"
                group = f"{row.data_set.language}_ruled_{kind}"
                found.append(Row(row.text, group, data.ANY, data.SENTIMENT_BITS[name]))
    return found


def _ruled_topics(examples: Sequence[data.Example], held: set[str]) -> list[Row]:
    """Return texts of other kinds than news flashes, on which the topic rules alone speak."""
    found = []
    for example in examples:
        if example.data_set.name in RULED_TOPICS_ON and example.split == "train" and example.key not in held:
            topics, weights = _by_rule(example, ())
            found.append(Row(example.text, "zh_ruled_topics", topics=topics, topic_weights=weights))
    return found


def _marked_row(name: data.Marked) -> Row:
    return Row(name.text, f"{name.data_set.name}_names", name.nameable, name.allowed, span=name.span)


def record_of(
    folder: Path | None, own: Sequence[data.OwnFile], data_set: data.DataSet, groups: Mapping[str, int]
) -> dict[str, Any]:
    """Return what a run record says of one set: where it came from, under which licence, how many rows it taught."""
    path = data.find(folder, data_set) if folder is not None else None
    path = path or next((file.path for file in own if str(file.path) == data_set.file), None)
    return {
        "name": data_set.name,
        "title": data_set.title,
        "task": data_set.task,
        "language": data_set.language,
        "licence": data_set.licence,
        "training_rows": sum(groups.get(name, 0) for name in (data_set.name, f"{data_set.name}_names")),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path else "",
    }
