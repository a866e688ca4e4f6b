"""The labelled sets that are known by name, and their readers: which labels a row allows, out of those its set names.

The folder is an argument; no path and no text of the data is kept here. Licences decide what may train. Users' own
files are read in `own.py` into the same shapes.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from classifier.data.tables import rows
from classifier.errors import DataError
from classifier.labels import SENTIMENTS, topic_vocabulary

Split = Literal["train", "dev", "test"]
Licence = Literal["permissive", "unstated", "no training"]
NEGATIVE, NEUTRAL, POSITIVE = 1, 2, 4  # bits of a set of sentiments
ANY = NEGATIVE | NEUTRAL | POSITIVE
SENTIMENT_BITS = dict(zip(SENTIMENTS, (NEGATIVE, NEUTRAL, POSITIVE), strict=True))
DEV_SHARE = 0.1


class DataSet(msgspec.Struct, frozen=True):
    """One labelled file: where it is, what it may be used for, and which labels it can name.

    `groups` are the sets of sentiments that it tells apart (bits); `vocabulary` names its column of `taxonomy.json`
    where it teaches topics, and `named` is what it can name of that, if not all; `exclusive`: one topic a text.
    `kind` is that of its texts as posts (`news`, `social`). A set without groups and vocabulary gives texts only.
    """

    name: str
    file: str
    language: str
    licence: Licence
    title: str
    groups: tuple[int, ...] = ()
    vocabulary: str | None = None
    own_dev: bool = True
    exclusive: bool = False
    named: tuple[int, ...] = ()
    kind: str = "social"

    @property
    def task(self) -> Literal["sentiment", "topics", "texts"]:
        """Return what the set teaches."""
        return "topics" if self.vocabulary else "sentiment" if self.groups else "texts"

    @property
    def trains(self) -> bool:
        """Say whether rows of this set may enter training and tuning."""
        return self.licence != "no training"

    @property
    def nameable(self) -> int:
        """Return all sentiments that the set can name, as bits."""
        return reduce(or_, self.groups, 0)

    @property
    def topics(self) -> tuple[int, ...]:
        """Return the positions in `topic_ids()` of all topics that the set can name."""
        return self.named or tuple(sorted(set(topic_vocabulary(self.vocabulary).values())))


THREE, _TWO, _NEGATIVE_OR_NOT = (NEGATIVE, NEUTRAL, POSITIVE), (NEGATIVE, POSITIVE), (NEGATIVE, NEUTRAL | POSITIVE)

SETS = (
    DataSet("en_sentfin", "sentiment/en_sentfin", "en", "permissive", "SEntFiN 1.0", THREE, kind="news"),
    DataSet(
        "en_tweets",
        "sentiment/en_tweets",
        "en",
        "permissive",
        "Twitter Financial News Sentiment",
        THREE,
        own_dev=False,
    ),
    DataSet("en_stockemotions", "sentiment/en_stockemotions", "en", "unstated", "StockEmotions", _TWO),
    DataSet("en_fiqa", "sentiment/en_fiqa_train", "en", "unstated", "FiQA 2018 task 1", _TWO, own_dev=False),
    DataSet(
        "en_phrasebank",
        "sentiment/en_phrasebank_eval_only",
        "en",
        "no training",
        "Financial PhraseBank",
        THREE,
        own_dev=False,
        kind="news",
    ),
    DataSet("zh_forum_posts", "sentiment/zh_forum_posts", "zh", "unstated", "FinFE", THREE),
    DataSet(
        "zh_company_news", "sentiment/zh_company_news", "zh", "unstated", "Chinese company headlines", _TWO, kind="news"
    ),
    DataSet("zh_guba", "sentiment/zh_guba_segmented", "zh", "unstated", "Guba posts without stop words", _TWO),
    DataSet(
        "zh_negative_entities",
        "sentiment/zh_negative_entities",
        "zh",
        "unstated",
        "FinNSP",
        _NEGATIVE_OR_NOT,
        kind="news",
    ),
    DataSet(
        "en_topic_tweets",
        "topic/en_tweets",
        "en",
        "permissive",
        "Twitter Financial News Topic",
        vocabulary="en_tweets",
        exclusive=True,
    ),
    DataSet(
        "zh_news_flashes", "topic/zh_news_flashes", "zh", "unstated", "FinNL", vocabulary="zh_news_flashes", kind="news"
    ),
    DataSet("zh_headlines_general", "topic/zh_headlines_general", "zh", "permissive", "THUCNews", kind="news"),
    DataSet(
        "en_newswire_1987",
        "topic/en_newswire_1987_eval_only",
        "en",
        "no training",
        "Reuters-21578",
        vocabulary="en_newswire",
        own_dev=False,
        kind="news",
    ),
)


class Example(NamedTuple):
    """One labelled text. `allowed` are the sentiments that would be right; `topics` positions in `topic_ids()`.

    `duplicated` marks a test row that has a near twin in the set's own training part.
    """

    text: str
    key: str
    data_set: DataSet
    split: Split
    allowed: int
    topics: tuple[int, ...]
    duplicated: bool = False


class Marked(NamedTuple):
    """One name within a text, `span` in characters, and the sentiments that are right for it."""

    text: str
    key: str
    data_set: DataSet
    split: Split
    span: tuple[int, int]
    nameable: int
    allowed: int


Labelled = TypeVar("Labelled", Example, Marked)
_URLS = re.compile(r"https?://[!-~]+")  # what follows in Chinese is text again


def text_key(text: str) -> str:
    """Return the form under which two texts count as the same: NFKC, folded case, without URLs and white space."""
    return "".join(_URLS.sub("", unicodedata.normalize("NFKC", text).casefold()).split())


def held_out(key: str) -> bool:
    """Say whether a text belongs to the dev part of a set that comes without one; fixed for ever by its hash."""
    digest = hashlib.sha256(b"dev:" + key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < DEV_SHARE * 2**64


def split_of(told: Split, key: str, data_set: DataSet) -> Split:
    """Return the part that a text belongs to; `told` is what its set says, which may come without a dev part."""
    if told != "test" and not data_set.own_dev:
        # Where nothing may train all of it is dev, else what the hash says.
        return "dev" if not data_set.trains or held_out(key) else "train"
    return told


def find(folder: Path, data_set: DataSet) -> Path | None:
    """Return the set's file under `folder` (`.jsonl.gz` or `.jsonl`), or None where it is absent."""
    for ending in (".jsonl.gz", ".jsonl"):
        path = folder / (data_set.file + ending)
        if path.is_file():
            return path
    return None


def read(folder: Path, data_set: DataSet) -> list[Example]:
    """Read one set; rows that carry no usable label (mixed, disputed, foreign topics only) are left out.

    Raises DataError where the file is absent or a line cannot be read.
    """
    path = find(folder, data_set)
    if path is None:
        raise DataError(f"{data_set.name}: no file {folder / data_set.file}.jsonl.gz; give the folder that holds it")
    return [example for _, row in rows(path) if (example := _example(row, data_set)) is not None]


def read_marked(folder: Path, data_set: DataSet) -> list[Marked]:
    """Read what a set says of names within its texts; empty for a set that names none.

    A name that does not stand in its text is left out. Raises DataError as `read` does.
    """
    path = find(folder, data_set)
    if path is None:
        raise DataError(f"{data_set.name}: no file {folder / data_set.file}.jsonl.gz; give the folder that holds it")
    found = []
    for _, row in rows(path):
        text = row["text"]
        for name, allowed, nameable in _names(row):
            at = text.find(name) if name else -1
            if at >= 0 and allowed:
                key = text_key(text)
                part = split_of(row.get("split", "train"), key, data_set)
                found.append(Marked(text, key, data_set, part, (at, at + len(name)), nameable, allowed))
    return found


def _names(row: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Give each name of a row with the sentiments that are right for it and those that its set tells apart."""
    if "negative_entities" in row:
        bad = set(row["negative_entities"])
        for name in row["entities"]:
            yield name, NEGATIVE if name in bad else NEUTRAL | POSITIVE, ANY
    elif "entities" in row:
        for entity in row["entities"]:
            yield entity["entity"], SENTIMENT_BITS.get(entity["label"], 0), ANY
    elif "target" in row:
        yield row["target"] or "", SENTIMENT_BITS.get(row["sentiment"], 0) & ~NEUTRAL, NEGATIVE | POSITIVE


def present(folder: Path) -> tuple[DataSet, ...]:
    """Return the known sets that lie under `folder`; raises DataError where there is none."""
    found = tuple(data_set for data_set in SETS if find(folder, data_set) is not None)
    if not found:
        raise DataError(f"{folder} holds none of the known data sets, such as {SETS[0].file}.jsonl.gz")
    return found


def training_part(examples: list[Example], held: set[str]) -> list[Example]:
    """Return the rows to train on: train split, allowed by licence, no twin in `held`, once each, no contradictions.

    `held` are the keys of all dev and test rows of the task.
    """
    chosen: dict[tuple[str, str], Example] = {}
    disputed: set[tuple[str, str]] = set()
    for example in examples:
        if example.split != "train" or not example.data_set.trains or example.key in held:
            continue
        place = (example.data_set.task, example.key)
        known = chosen.setdefault(place, example)
        if (known.allowed, known.topics) != (example.allowed, example.topics):
            disputed.add(place)
    return [example for place, example in chosen.items() if place not in disputed]


def at_most(limit: int | None, rows: list[Labelled]) -> list[Labelled]:
    """Keep some rows, the same ones each time and from all over the set, in their order."""
    if limit is None or len(rows) <= limit:
        return rows
    hashed = sorted(
        range(len(rows)), key=lambda place: hashlib.sha256(rows[place].key.encode("utf-8", "surrogatepass")).digest()
    )
    return [rows[place] for place in sorted(hashed[:limit])]


def held_keys(examples: list[Example], task: str) -> set[str]:
    """Return the keys of all dev and test rows of a task."""
    return {example.key for example in examples if example.split != "train" and example.data_set.task == task}


def _example(row: dict[str, Any], data_set: DataSet) -> Example | None:
    text = row["text"]
    key = text_key(text)
    topics: tuple[int, ...] = ()
    allowed = 0
    if data_set.vocabulary:
        known = topic_vocabulary(data_set.vocabulary)
        topics = tuple(sorted({known[name] for name in row["topics"] if name in known}))
        if not topics:
            return None
    elif data_set.groups:
        allowed = _allowed(row) & data_set.nameable
        if not allowed or row.get("conflict"):
            return None
    split = split_of(row.get("split", "train"), key, data_set)
    return Example(text, key, data_set, split, allowed, topics, bool(row.get("near_duplicate_in_train")))


def _allowed(row: dict[str, Any]) -> int:
    """Return the sentiments that the row's label allows; 0 for labels that are none (`mixed`)."""
    if "negative" in row:
        return NEGATIVE if row["negative"] else NEUTRAL | POSITIVE
    return SENTIMENT_BITS.get(row["sentiment"], 0)
