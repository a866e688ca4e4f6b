"""The rows of a labelled file, each with its place ("line 7"): JSON Lines, CSV or Parquet, packed with gzip or not.

What the columns mean is no matter of this module; see `sets.py` and `own.py`.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from classifier.errors import DataError

_KINDS = "a .jsonl, .csv (each also .gz) or .parquet file"
_LONGEST_CELL = 1 << 30  # the csv module refuses texts of 131,072 characters, which JSON and Parquet may hold

Row = tuple[str, dict[str, Any]]


def rows(path: Path) -> Iterator[Row]:
    """Give the rows of a file in order; raises DataError, with the line, for what cannot be read."""
    name = path.name.lower()
    try:
        if name.endswith((".jsonl", ".jsonl.gz")):
            yield from _json_lines(path)
        elif name.endswith((".csv", ".csv.gz")):
            yield from _csv(path)
        elif name.endswith(".parquet"):
            yield from _parquet(path)
        else:
            raise DataError(f"{path} is of an unknown kind; give {_KINDS}")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; give the path of {_KINDS}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is cut short or no gzip file: {error}; pack it again") from None
    except OSError as error:
        reason = " ".join((error.strerror or str(error)).split())
        raise DataError(f"{path} cannot be read: {reason}; give {_KINDS} that can") from None


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def _json_lines(path: Path) -> Iterator[Row]:
    with _open(path) as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # what Windows writes before UTF-8
            if not line.strip():
                continue
            try:
                yield f"line {number}", msgspec.json.decode(line, type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(f"{path} line {number} is not a JSON object: {error}") from None


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    with _open(path) as file:
        # Strict: a quote that is never closed would else swallow the rest of the file as one cell.
        table = csv.reader(_decoded(file, path), strict=True)
        header: list[str] | None = None
        number = 1
        try:
            for cells in table:
                if header is None:
                    header = [name.strip() for name in cells]
                elif len(cells) > len(header):
                    raise DataError(
                        f"{path} line {number} has {len(cells)} cells under {len(header)} columns; "
                        "put cells that hold commas between quotes"
                    )
                elif cells:
                    yield f"line {number}", dict(zip(header, cells, strict=False))
                number = table.line_num + 1  # where the next row starts: a quoted cell may span lines
        except csv.Error as error:
            raise DataError(f"{path} line {number} is not CSV: {error}; see to its quotes") from None


def _decoded(file: BinaryIO, path: Path) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{path} line {number} is not UTF-8; save the file as UTF-8") from None


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with path.open("rb") as file, pq.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pa.ArrowException as error:
        raise DataError(f"{path} is no Parquet file: {str(error).splitlines()[0]}") from None
