"""A user's own companies: a CSV with `symbol,name,aliases,from,to`, checked whole before any of it is used."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stream.companies.table import Company, Name, Table, day_of
from stream.errors import InputError
from stream.linking import canonical_symbol

COLUMNS = ("symbol", "name", "aliases", "from", "to")
MOST_ERRORS = 10  # that one message tells
MOST_CHARACTERS = 100
_SYMBOL = re.compile(r"[A-Z]{1,5}(?:\.[A-Z]{1,2})?|\d{6}\.(?:SH|SZ|BJ)|\d{4,5}\.HK")
_EXCHANGE = re.compile(r"\.([A-Z]{2,})$|^([A-Z]+):")
_EXCHANGES = "SH, SZ, BJ and HK, and none for the US"


class OwnRow(NamedTuple):
    """One row: a symbol, its names (the first is the one shown) and the days on which they were in use."""

    line: int
    symbol: str
    names: tuple[str, ...]
    since: int | None
    until: int | None

    def overlaps(self, other: "OwnRow") -> bool:
        """Say whether the two rows hold on a common day."""
        starts, ends = (self.since, other.since), (self.until, other.until)
        start = max((day for day in starts if day is not None), default=None)
        end = min((day for day in ends if day is not None), default=None)
        return start is None or end is None or start < end


def read_own(path: Path, issuers: Mapping[str, str]) -> list[OwnRow]:
    """Return the rows of a file. `issuers` maps a listing's symbol to its issuer's.

    Raises InputError that names each line which is wrong; nothing of such a file is used.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if [column.strip() for column in header] != list(COLUMNS):
                raise InputError(f"{path}: line 1: the columns must be {','.join(COLUMNS)}")
            lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV in UTF-8: {error}") from None
    rows: list[OwnRow] = []
    errors: list[str] = []
    for line, cells in lines:
        try:
            rows.append(_row(line, cells))
        except ValueError as error:
            errors.append(f"line {line}: {error}")
    errors += _contradictions(rows, issuers)
    if errors:
        more = f"; and {len(errors) - MOST_ERRORS} more" if len(errors) > MOST_ERRORS else ""
        raise InputError(f"{path}: {'; '.join(errors[:MOST_ERRORS])}{more}")
    return rows


def _row(line: int, cells: Sequence[str]) -> OwnRow:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} columns where {len(COLUMNS)} belong")
    symbol, name, aliases, since_text, until_text = (cell.strip() for cell in cells)
    symbol = canonical_symbol(symbol)
    if not _SYMBOL.fullmatch(symbol):
        exchange = _EXCHANGE.search(symbol)
        if exchange:
            raise ValueError(f"unknown exchange '{exchange.group(1) or exchange.group(2)}'; known are {_EXCHANGES}")
        raise ValueError(f"'{symbol}' is no symbol such as AAPL, 600519.SH or 0700.HK")
    names = tuple(dict.fromkeys(part.strip() for part in (name, *re.split(r"[;|；]", aliases)) if part.strip()))
    if not name:
        raise ValueError("the name is missing")
    for one in names:
        if not 2 <= len(one) <= MOST_CHARACTERS:
            raise ValueError(f"'{one[:20]}' has {len(one)} characters; a name has 2 to {MOST_CHARACTERS}")
    since, until = _day("from", since_text), _day("to", until_text)
    if since is not None and until is not None and since >= until:
        raise ValueError(f"from {since_text} is not before to {until_text}")
    return OwnRow(line, symbol, names, since, until)


def _day(column: str, text: str) -> int | None:
    try:
        return day_of(text) if text else None
    except ValueError:
        raise ValueError(f"{column} '{text}' is no date such as 2026-01-05") from None


def _contradictions(rows: Iterable[OwnRow], issuers: Mapping[str, str]) -> list[str]:
    """A name twice on one day: of one company a duplicate, of two a conflict."""
    errors, by_name = [], dict[str, list[OwnRow]]()
    for row in rows:
        for name in row.names:
            for other in by_name.setdefault(name.casefold(), []):
                if not row.overlaps(other):
                    continue
                if issuers.get(row.symbol, row.symbol) != issuers.get(other.symbol, other.symbol):
                    errors.append(f"line {row.line}: '{name}' is {other.symbol} in line {other.line}")
                elif row.symbol == other.symbol:
                    errors.append(f"line {row.line}: '{name}' of {row.symbol} stands in line {other.line} already")
            by_name[name.casefold()].append(row)
    return errors


def with_own(table: Table, rows: Sequence[OwnRow]) -> Table:
    """Return the table with a user's rows in it; a name that the user gives is no other company's any more."""
    issuers = table.issuers
    added: dict[str, list[Name]] = {}
    titles: dict[str, str] = {}
    for row in rows:
        issuer = issuers.setdefault(row.symbol, row.symbol)
        titles[issuer] = row.names[0] if row.until is None else titles.get(issuer, row.names[0])
        added.setdefault(issuer, []).extend(Name(name, "sure", row.since, row.until) for name in row.names)
    taken = {name.text.casefold() for names in added.values() for name in names}
    companies = []
    for company in table.companies:
        own = added.pop(company.symbol, [])
        if own or any(name.text.casefold() in taken for name in company.names):
            kept = tuple(name for name in company.names if name.text.casefold() not in taken)
            title = titles.get(company.symbol, company.title)
            company = Company(company.listings, title, company.sector, (*kept, *own))
        companies.append(company)
    new = [Company((symbol,), titles[symbol], None, tuple(names)) for symbol, names in added.items()]
    return Table(table.sources, (*companies, *new), table.against)
