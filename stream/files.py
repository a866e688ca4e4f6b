"""Records in files: `.jsonl`, `.jsonl.gz`, `.csv`, `.parquet` or `-`. Rows come out as JSON bytes with their line
number; rows that cannot be used go to a rejects file, and never stop a batch.
"""

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from stream.errors import InputError

LIST_COLUMNS = ("symbols", "targets")  # lists travel through CSV cells with `;` between


class Row(NamedTuple):
    """One row of a file: its number from 1 on, and the record as JSON bytes as it stood."""

    line: int
    value: bytes


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file in order; `InputError` where the file is not there or of an unknown kind."""
    name = path.name.lower()
    try:
        if str(path) == "-":
            yield from _lines(sys.stdin.buffer)
        elif name.endswith((".jsonl", ".json")):
            with path.open("rb") as file:
                yield from _lines(file)
        elif name.endswith((".jsonl.gz", ".json.gz")):
            with gzip.open(path, "rb") as packed:
                yield from _lines(packed)  # type: ignore[arg-type]
        elif name.endswith((".csv", ".csv.gz")):
            with gzip.open(path, "rb") if name.endswith(".gz") else path.open("rb") as file:
                yield from _csv(file)  # type: ignore[arg-type]
        elif name.endswith(".parquet"):
            yield from _parquet(path)
        else:
            raise InputError(f"{path}: unknown kind of file; use .jsonl, .jsonl.gz, .csv, .parquet or -")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        raise InputError(f"{path} is cut short or no gzip file: {error}") from None


def _lines(file: BinaryIO) -> Iterator[Row]:
    for line, value in enumerate(file, start=1):
        if stripped := value.rstrip(b"\r\n"):
            yield Row(line, stripped)


def _csv(file: BinaryIO) -> Iterator[Row]:
    csv.field_size_limit(1 << 30)  # a cell too long is one row refused, not the end of the file
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        rows = csv.DictReader(text)
        for row in rows:
            record = {key: _cell(key, cell) for key, cell in row.items() if key and cell not in (None, "")}
            yield Row(rows.line_num, json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogateescape"))


def _cell(key: str, cell: object) -> object:
    text = str(cell)
    if key in LIST_COLUMNS:
        return [part.strip() for part in text.split(";") if part.strip()]
    if key == "followers" and text.isdigit():
        return int(text)
    if key == "is_repost":
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    return text


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    line = 0
    try:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1000):
            for record in batch.to_pylist():
                line += 1
                present = {key: _whole(value) for key, value in record.items() if value is not None and value == value}
                yield Row(line, json.dumps(present, ensure_ascii=False, default=_plain).encode())
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is no Parquet file: {str(error).splitlines()[0]}") from None


def _whole(value: object) -> object:
    """Tables that know no missing integer hold them as floats, and NaN (dropped above) where one is missing."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(value: object) -> str:
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat()) if isoformat else str(value)


class Rejects:
    """The file of refused rows, made with its first row. One JSON object a line: line, reason, raw."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        self._file: BinaryIO | None = None

    def add(self, line: int, reason: str, raw: bytes, file: str = "") -> None:
        """Writes one refused row."""
        if self._file is None:
            self._file = self.path.open("wb")
        row = {"line": line, "reason": reason, "raw": raw.decode("utf-8", "backslashreplace")}
        self._file.write(json.dumps({"file": file, **row} if file else row, ensure_ascii=False).encode() + b"\n")
        self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


def beside(output: Path) -> Path:
    """The default rejects file of an output: `opinions.jsonl` → `opinions.rejects.jsonl`."""
    name = output.name
    for ending in (".jsonl.gz", ".jsonl", ".csv.gz", ".csv", ".parquet"):
        name = name.removesuffix(ending)
    return output.with_name(f"{name}.rejects.jsonl")
