"""Posts in a file to opinions in a file, in the same order, with memory bounded by the batch."""

import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from classifier.inference import Classifier
from stream.cleaning import Sources
from stream.companies import SHIPPED
from stream.errors import InputError
from stream.files import Rejects, Row, read_rows
from stream.linking import Linker
from stream.pipeline import Judge, to_opinions
from stream.records import DeadLetter, Message, Opinion, encode
from stream.stores.memory_stories import MemoryStories

BATCH = 500


def classify_file(
    source: Path,
    out: Path,
    classifier: Classifier,
    sources: Sources,
    rejects: Path,
    progress: Callable[[int, int], None],
    linker: Linker = SHIPPED,
) -> dict[str, object]:
    """Judges each post of `source` and writes its opinion to `out` (`.jsonl`, `.jsonl.gz` or `-`).

    Returns the counts. Rows that cannot be used go to `rejects`; `InputError` if there is no other row.
    """
    if source.exists() and out.exists() and source.samefile(out):
        raise InputError(f"{out} is the input too; give another file for the opinions")
    judge = Judge(classifier, MemoryStories(), sources, "record", lambda received_ms: received_ms, linker=linker)
    rows, written = read_rows(source), 0
    with _output(out) as file, Rejects(rejects) as refused:
        while batch := list(islice(rows, BATCH)):
            for outcome in _judge(batch, judge):
                if isinstance(outcome, DeadLetter):
                    refused.add(outcome.message.offset, outcome.reason, outcome.message.value or b"")
                else:
                    file.write(encode(outcome) + b"\n")
                    written += 1
            progress(written + refused.count, 0)
        count = refused.count
    if not written:
        raise InputError(f"nothing usable in {source}: {count} rows rejected" + (f", see {rejects}" if count else ""))
    return {"opinions": written, "rejected": count, "rejects": str(rejects) if count else None}


def _judge(batch: Sequence[Row], judge: Judge) -> list[Opinion | DeadLetter]:
    outcomes = to_opinions([Message(row.value, offset=row.line) for row in batch], judge)
    return [outcome for outcome in outcomes if isinstance(outcome, Opinion | DeadLetter)]


@contextmanager
def _output(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with gzip.open(path, "wb") if path.name.endswith(".gz") else path.open("wb") as file:
            yield file  # type: ignore[misc]
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
