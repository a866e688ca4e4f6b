"""Reading tables of counts (CSV, JSON lines, Parquet, plain or gzipped, or standard input) row by row.

A row that cannot be used becomes a reject and stops nothing. What the counts mean is for `detect.py`.
"""

import csv
import datetime as dt
import gzip
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from alerts.errors import CountsError

Measure = Literal["negative", "volume"]
COLUMNS: Mapping[Measure, tuple[str, ...]] = {
    "negative": ("series", "bucket_start", "total", "negative"),
    "volume": ("series", "bucket_start", "total"),
}

_MOST = 1e12  # more votes than this in one bucket is a mistake of units, and would hurt the arithmetic


class CountRow(NamedTuple):
    """One bucket of one series; times in seconds UTC. `negative` is the counted measure: the total for `volume`.
    `line` is that of the file, counted as in `Reject`."""

    series: str
    start_s: float
    total: float
    negative: float
    line: int = 0


class Reject(msgspec.Struct, frozen=True):
    """A row that was not used: its line (or row, in Parquet), counted from 1 with the header, and why."""

    line: int
    reason: str
    raw: str


def read_counts(source: Path, measure: Measure) -> Iterator[CountRow | Reject]:
    """Yields a row or a reject for every row of `source`, in order; `-` is standard input, as CSV or JSON lines.

    Raises CountsError where the file cannot be read at all or lacks a column.
    """
    check = _RowCheck(measure)
    for line, raw, values in _raw_rows(source, COLUMNS[measure]):
        if isinstance(values, str):
            yield Reject(line, values, raw() if callable(raw) else raw)
            continue
        try:
            yield check(values)._replace(line=line)
        except ValueError as error:
            yield Reject(line, str(error), raw() if callable(raw) else raw)


_RawRow = tuple[int, str | Callable[[], str], list[Any] | str]  # line, raw text, values in column order or a reason


def _raw_rows(source: Path, columns: tuple[str, ...]) -> Iterator[_RawRow]:
    name = source.name.lower()
    try:
        if name.endswith(".parquet"):
            yield from _parquet_rows(source, columns)
        elif name == "-":
            yield from _text_rows(sys.stdin.buffer, "standard input", columns)
        elif name.endswith(".gz"):
            with gzip.open(source) as stream:
                yield from _text_rows(stream, str(source), columns)
        else:
            with source.open("rb") as stream:
                yield from _text_rows(stream, str(source), columns)
    except (OSError, EOFError, pa.ArrowException) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise CountsError(
            f"{source}: cannot be read ({reason}); expected .csv, .jsonl, .parquet or .gz of these"
        ) from None


def _text_rows(stream: Iterable[bytes], name: str, columns: tuple[str, ...]) -> Iterator[_RawRow]:
    """CSV or JSON lines, told apart by the first character; one physical line is one row."""
    decoded = (line.decode("utf-8", "surrogateescape") for line in stream)  # what is not UTF-8 is refused by the row
    numbered = ((number, line.rstrip("\r\n").removeprefix("\ufeff")) for number, line in enumerate(decoded, 1))
    first = next(((number, line) for number, line in numbered if line.strip()), None)
    if first is None:
        raise CountsError(f"{name}: is empty; expected the columns {','.join(columns)}")
    if first[1].lstrip().startswith("{"):
        yield _json_row(*first, columns)
        yield from (_json_row(number, line, columns) for number, line in numbered if line.strip())
        return
    header = [cell.strip() for cell in next(csv.reader([first[1]]))]
    places = _places(header, columns, name)
    for number, line in numbered:
        if line.strip():
            yield number, line, _csv_values(line, places, len(header))


def _csv_values(line: str, places: list[int], width: int) -> list[Any] | str:
    try:
        cells = next(csv.reader([line], strict=True)) if '"' in line else line.split(",")
    except csv.Error as error:
        return f"not a CSV row ({error})"
    if len(cells) != width:
        return f"has {len(cells)} cells, the header has {width}"
    return [cells[place] for place in places]


def _json_row(number: int, line: str, columns: tuple[str, ...]) -> _RawRow:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return number, line, "not a JSON object"
    if not isinstance(record, dict):
        return number, line, "not a JSON object"
    missing = [column for column in columns if column not in record]
    if missing:
        return number, line, f"has no {', '.join(missing)}"
    return number, line, [record[column] for column in columns]


def _parquet_rows(source: Path, columns: tuple[str, ...]) -> Iterator[_RawRow]:
    with pq.ParquetFile(source) as file:
        _places(file.schema_arrow.names, columns, str(source))
        number = 1
        for batch in file.iter_batches(columns=list(columns)):
            for record in batch.to_pylist():
                number += 1
                values = [record[column] for column in columns]
                yield number, partial(_record_text, record), values


def _record_text(record: dict[str, Any]) -> str:
    return json.dumps(record, default=str, ensure_ascii=False)


def _places(header: list[str], columns: tuple[str, ...], name: str) -> list[int]:
    missing = [column for column in columns if column not in header]
    if missing:
        raise CountsError(f"{name}: has no column {', '.join(missing)}; expected the columns {','.join(columns)}")
    return [header.index(column) for column in columns]


class _RowCheck:
    """Turns raw values into a CountRow or raises ValueError; remembers stamps and the last bucket of each series."""

    def __init__(self, measure: Measure) -> None:
        self._volume = measure == "volume"
        self._stamps: dict[str, float] = {}
        self._latest: dict[str, float] = {}

    def __call__(self, values: list[Any]) -> CountRow:
        series, stamp = self._series(values[0]), values[1]
        start_s = self._stamps.get(stamp) if isinstance(stamp, str) else _seconds(stamp)
        if start_s is None:
            start_s = self._stamps[stamp] = _seconds(stamp)
        total = _count(values[2], "total")
        negative = total if self._volume else _count(values[3], "negative")
        if negative > total:
            raise ValueError(f"negative {negative:g} exceeds total {total:g}")
        if start_s <= self._latest.get(series, -math.inf):
            raise ValueError("bucket_start is not after the series' previous row")
        self._latest[series] = start_s
        return CountRow(series, start_s, total, negative)

    def _series(self, value: Any) -> str:
        if isinstance(value, str) and value in self._latest:
            return value
        if not isinstance(value, str) or not value.strip():
            raise ValueError("series is empty or not text")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("series is not UTF-8") from None
        return value


def _seconds(value: Any) -> float:
    try:
        moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value.strip())
    except (ValueError, AttributeError, TypeError):
        raise ValueError("bucket_start is not an RFC 3339 time such as 2026-01-05T09:30:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("bucket_start has no offset; write it in UTC, such as 2026-01-05T09:30:00Z")
    try:
        return moment.astimezone(dt.UTC).timestamp()
    except OverflowError:
        raise ValueError("bucket_start lies beyond the calendar") from None


def _count(value: Any, name: str) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{name} is not a number") from None
    if not 0.0 <= number <= _MOST:
        raise ValueError(f"{name} is {number:g}; expected 0 to {_MOST:g}")
    return number
