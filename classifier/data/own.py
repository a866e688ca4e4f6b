"""Users' own labelled files, read into the shapes of `sets.py`: which column is what, which language, which part.

What labels mean is said in `label_map.py`. Whatever is wrong is told in one line, with its place and the way out,
before anything is trained.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import msgspec

from classifier.data.label_map import LabelMap, Task, nearest, several, short, word
from classifier.data.sets import SENTIMENT_BITS, DataSet, Example, Licence, Marked, Split, split_of, text_key
from classifier.data.tables import rows
from classifier.errors import DataError
from classifier.labels import LANGUAGES, language_index

ROLES = ("text", "sentiment", "topics", "language", "split", "target")
FEWEST_ROWS = 50
_SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "development": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
}
_CHINESE = ("chinese", "中文", "汉语", "zho", "chi", "cmn")  # beside the tags that begin with zh
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")


class OwnFile(msgspec.Struct, frozen=True):
    """A user's file. `columns`: what it calls each of ROLES; where empty, columns named like a role are taken.

    `labels` maps its labels to a sentiment, a topic or SKIP. `name`: of its sets, by default the file's;
    `language`: of every row, by default as the language column or the script says.
    """

    path: Path
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    name: str | None = None
    licence: str = "unstated"
    language: str | None = None


class OwnRows(NamedTuple):
    """What a file holds: one set for each language and task, its rows, and how many were skipped for which reason."""

    sets: tuple[DataSet, ...]
    examples: list[Example]
    marked: list[Marked]
    skipped: dict[str, int]


class _Read(NamedTuple):
    """One row as understood; `allowed` 0 or `topics` () where it says nothing of them.

    `targets` are the names that stand in the text.
    """

    text: str
    key: str
    language: str
    split: Split | None
    allowed: int
    topics: tuple[int, ...]
    targets: tuple[str, ...]


def read_own(file: OwnFile) -> OwnRows:
    """Read a user's file; rows without a text or a label are skipped.

    Raises DataError for a file, column, label or split that cannot be understood, for too few rows, and for one class.
    """
    if file.licence not in get_args(Licence):
        raise DataError(f"{file.path}: unknown licence {file.licence!r}; say one of {', '.join(get_args(Licence))}")
    columns = _columns(file)
    meaning = LabelMap(file.labels)
    skipped: Counter[str] = Counter()
    seen: dict[str, None] = {}  # the names of all columns, in the order of the file
    found = []
    for place, row in rows(file.path):
        seen.update(dict.fromkeys(row))
        cells = {role: row.get(column) for role, column in columns.items()}
        one = _read(cells, place, meaning, file, skipped)
        if one is not None:
            found.append(one)
    if not seen:
        raise DataError(f"{file.path} holds no rows; give a file with one labelled text a row")
    tasks = _tasks(file, columns, list(seen))
    meaning.check(file.path)
    for task in tasks:
        _check(file, task, found, skipped)
    return _sorted_into_sets(file, tasks, found, dict(skipped))


def script_language(text: str) -> str:
    """Return `zh` where Han letters outnumber Latin words and no kana stands beside them, else `en`."""
    han = len(_HAN.findall(text))
    return "zh" if han and not _KANA.search(text) and han >= len(_LATIN_WORD.findall(text)) else "en"


def _columns(file: OwnFile) -> dict[str, str]:
    unknown = [role for role in file.columns if role not in ROLES]
    if unknown:
        raise DataError(f"{file.path}: no column can be {unknown[0]!r}; it can be {', '.join(ROLES)}")
    if file.columns and ("text" not in file.columns or not {"sentiment", "topics"} & set(file.columns)):
        lacking = "sentiment (or topics)" if "text" in file.columns else "text"
        raise DataError(f"{file.path}: no column is given as {lacking}; name it by --column {lacking.split()[0]}=NAME")
    return dict(file.columns) or {role: role for role in ROLES}


def _tasks(file: OwnFile, columns: dict[str, str], seen: list[str]) -> list[Task]:
    """Return what the file teaches; raises DataError for columns that it lacks."""
    tasks: list[Task] = [task for task in get_args(Task) if columns.get(task) in seen]
    needed = list(columns) if file.columns else ["text"] if tasks else ["text", "sentiment"]
    for role in needed:
        if columns[role] not in seen:
            there = [ascii(name)[1:-1] if not name.isprintable() else name for name in nearest(columns[role], seen)]
            more = f" and {len(there) - 12} more" if len(there) > 12 else ""
            raise DataError(
                f"{file.path} has no column {columns[role]!r}; it has {', '.join(there[:12])}{more}: "
                f"name the right one by --column {role}=NAME"
            )
    return tasks


def _read(cells: dict[str, Any], at: str, meaning: LabelMap, file: OwnFile, skipped: Counter[str]) -> _Read | None:
    """Understand one row; `at` is its place in the file. None where there is nothing to learn from it."""
    text = cells["text"]
    if not isinstance(text, str) and word(text) is not None:
        raise DataError(
            f"{file.path} {at}: the text is no text but {short(text)}; name another column by --column text=NAME"
        )
    if not isinstance(text, str) or not (key := text_key(text)):
        skipped["no text"] += 1
        return None
    allowed = meaning.sentiment(cells.get("sentiment"), at)
    places = meaning.topics(cells.get("topics"), at)
    if not allowed and not places:
        skipped["no label"] += 1
        return None
    language = word(file.language or cells.get("language"))
    return _Read(
        text,
        key,
        _tag(language) if language else script_language(text),
        _split(cells.get("split"), f"{file.path} {at}"),
        allowed,
        places,
        tuple(name for part in several(cells.get("target")) if (name := str(part)) in text),
    )


def _split(cell: Any, at: str) -> Split | None:
    said = word(cell)
    if said is not None and said not in _SPLIT_NAMES:
        raise DataError(f"{at}: unknown split {short(cell)!r}; write train, dev or test, or name no column as split")
    return _SPLIT_NAMES[said] if said is not None else None


def _tag(language: str) -> str:
    return "zh" if language in _CHINESE else LANGUAGES[language_index(language)]


def _check(file: OwnFile, task: Task, found: Sequence[_Read], skipped: Counter[str]) -> None:
    """Refuse what cannot teach."""
    labels = Counter(row.allowed if task == "sentiment" else row.topics for row in found)
    labels.pop(0, None)
    labels.pop((), None)
    if labels.total() < FEWEST_ROWS:
        left_out = ", ".join(f"{count} skipped with {reason}" for reason, count in sorted(skipped.items()))
        raise DataError(
            f"{file.path} holds {labels.total()} usable rows with {task}{f' ({left_out})' if left_out else ''}; "
            f"give at least {FEWEST_ROWS}"
        )
    if len(labels) < 2:
        raise DataError(
            f"{file.path}: every row carries the same {task.removesuffix('s')}; one class teaches nothing, "
            "so add rows of another"
        )


def _sorted_into_sets(file: OwnFile, tasks: list[Task], found: Sequence[_Read], skipped: dict[str, int]) -> OwnRows:
    """Put each row into the set of its language and task. What a set can name is what the whole file names."""
    groups = tuple(bit for bit in SENTIMENT_BITS.values() if any(row.allowed == bit for row in found))
    named = tuple(sorted({place for row in found for place in row.topics}))
    one_topic = all(len(row.topics) <= 1 for row in found)
    own_dev = any(row.split == "dev" for row in found)
    stem = file.name or re.sub(r"\.(jsonl|csv|parquet)(\.gz)?$", "", file.path.name, flags=re.IGNORECASE)
    sets = {
        (task, language): DataSet(
            name=f"{stem}.{language}" + (".topics" if task == "topics" else ""),
            file=str(file.path),
            language=language,
            licence=cast(Licence, file.licence),
            title=file.path.name,
            groups=groups if task == "sentiment" else (),
            vocabulary="id" if task == "topics" else None,  # the column of the taxonomy that names our own ids
            own_dev=own_dev,
            exclusive=task == "topics" and one_topic,
            named=named if task == "topics" else (),
        )
        for task in tasks
        for language in LANGUAGES
    }
    examples, marked = [], []
    for row in found:
        if row.allowed:
            own = sets["sentiment", row.language]
            part = split_of(row.split or "train", row.key, own)
            examples.append(Example(row.text, row.key, own, part, row.allowed, ()))
            for name in row.targets:
                at = row.text.index(name)
                span = (at, at + len(name))
                marked.append(Marked(row.text, row.key, own, part, span, own.nameable, row.allowed))
        if row.topics:
            own = sets["topics", row.language]
            part = split_of(row.split or "train", row.key, own)
            examples.append(Example(row.text, row.key, own, part, 0, row.topics))
    held = {example.data_set.name for example in examples}
    return OwnRows(tuple(one for one in sets.values() if one.name in held), examples, marked, skipped)
