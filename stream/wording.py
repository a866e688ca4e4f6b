"""How a text is worded, in a few hundred bytes: keys under which texts with common wording meet, a sketch that tells
how much two have in common, and the facts (numbers, directions) that must not differ. What follows from it: `stories`.
"""

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.cleaning import matching_form

LONGEST = 1500  # characters looked at: news says first what it is about, and time stays bounded
KEYS = 9
SKETCH = 64
MOST_FACTS = 24

_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_MARKS = re.compile(r"https?:\S*|\bwww\.\S+|@\w+|(?<!\w)rt(?=\s*@)")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z.]*"
_WHEN_TOLD = re.compile(
    r"\b\d\d?:\d\d(?::\d\d)?(?!\d)|\b\d{4}-\d\d?-\d\d?(?!\d)|\d\d?月\d\d?日(?=[讯电])"
    rf"|\bupdate \d+ ?[-:]|\b{_MONTH} \d\d?(?= ?(?:\(\w+\) ?)?[-–—] )"
)
_CUT_SHORT = re.compile(r"(?:\$[a-z]{0,5}|[a-z]{0,9}\d[\d.,]{0,15})(?:…|\.{3,})")  # a ticker or number that goes on
_WALL = re.compile(r"(?:\$[a-z][a-z.]*[\s,/]*){3,}")  # of tickers: who it is about is compared elsewhere
_NUMBER = r"\d+(?:[.,]\d+)*"
_TOKEN = re.compile(rf"{_NUMBER}|[{_HAN}]|[^\W_{_HAN}]+")
_WORD = re.compile(r"\w+")
_FACT = re.compile(rf"[a-z]*{_NUMBER}")
_TICKER = re.compile(r"\((?:[A-Za-z]+: ?)?([A-Z]{1,5})\)")  # of companies that no table knows, too
_FIRST_HAN = "\u2e80"  # tokens from here on are single characters, too common to say anything alone
_UP = (
    "up rise rises rose rising gain gains gained jump jumps jumped surge surges surged soar soars soared climb climbs "
    "higher beat beats upgrade upgrades upgraded raise raises raised buy bullish long calls 涨 增 升 盈"
)
_DOWN = (
    "down fall falls fell falling lose loses lost drop drops dropped plunge plunges plunged slump slumps slide slides "
    "lower miss misses missed downgrade downgrades downgraded cut cuts sell bearish short puts 跌 减 降 亏"
)
_DIRECTIONS = {"+": frozenset(_UP.split()), "-": frozenset(_DOWN.split())}


class Wording(NamedTuple):
    """Numbers of 32 bits. `keys` (up to 9): texts that share one may tell one story. `sketch` (sorted): the 64 smallest
    of the hashes of the text's words and pairs of neighbours, all of them where there are fewer. `facts` (sorted)."""

    keys: tuple[int, ...]
    sketch: tuple[int, ...]
    facts: tuple[int, ...]


def wordings(texts: Sequence[str]) -> list[Wording]:
    """The wording of each text; equal texts have equal wordings, in whatever batch they come.

    The smallest hashes of a set are a fair sample of it (bottom-k sketches: Cohen and Kaplan, 2007).
    """
    if not texts:
        return []
    tokens, facts = zip(*map(_tokens, texts), strict=True)
    lengths = np.array([len(of_text) for of_text in tokens])
    flat = [token for of_text in tokens for token in of_text]
    hashes = np.array([zlib.crc32(token.encode()) for token in flat], dtype=np.uint64)
    text = np.repeat(np.arange(len(texts), dtype=np.uint64), lengths)
    wordy = np.array([token < _FIRST_HAN for token in flat])
    pairs, pair_text = _grams(hashes, text, 2)
    words, words_text = np.concatenate([_mixed(hashes[wordy]), pairs]), np.concatenate([text[wordy], pair_text])
    alone = lengths[text.astype(np.intp)] == 1  # a text of one Han character has no pair
    sketches = _smallest(
        np.concatenate([words, _mixed(hashes[alone])]), np.concatenate([words_text, text[alone]]), len(texts), SKETCH
    )
    triples, triple_text = _grams(hashes, text, 3)
    keys = _smallest(triples, triple_text, len(texts), KEYS)
    return [
        Wording(key or (zlib.crc32(repr(sketch).encode()),), sketch, fact)  # too short for three: met by the same words
        for key, sketch, fact in zip(keys, sketches, facts, strict=True)
    ]


def _tokens(text: str) -> tuple[list[str], tuple[int, ...]]:
    bare = _bare(matching_form(text[:LONGEST]))
    tokens = _TOKEN.findall(bare)
    if not tokens:
        return _WORD.findall(matching_form(text[:LONGEST])) or [text[:LONGEST]], ()
    numbers = {found: _plain(found) for found in _FACT.findall(bare)}
    if numbers:
        tokens = [numbers.get(token, token) for token in tokens]
    facts = {*numbers.values(), *_TICKER.findall(text, 0, LONGEST)}
    facts.update(sign for sign, words in _DIRECTIONS.items() if not words.isdisjoint(tokens))
    return tokens, tuple(sorted(zlib.crc32(fact.encode()) for fact in facts)[:MOST_FACTS])


def _bare(form: str) -> str:
    """The text without what retellings change; each search is made only where it may find something."""
    if "@" in form or "http" in form or "www." in form:
        form = _MARKS.sub(" ", form)
    if "-" in form or ":" in form or "–" in form or "—" in form or "日" in form:
        form = _WHEN_TOLD.sub(" ", form)
    if "…" in form or "..." in form:
        form = _CUT_SHORT.sub(" ", form)
    if form.count("$") > 2:
        form = _WALL.sub(" ", form)
    return form


def _plain(number: str) -> str:
    """`40,000.50` as `40000.5`."""
    number = number.replace(",", "")
    return number.rstrip("0").rstrip(".") if "." in number else number


_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)


def _grams(
    hashes: NDArray[np.uint64], text: NDArray[np.uint64], size: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Hashes of `size` neighbouring tokens of one text, and which text each is of."""
    count = max(len(hashes) - size + 1, 0)
    whole = text[:count] == text[size - 1 :]
    total = np.zeros(count, dtype=np.uint64)
    for at in range(size):
        total += (hashes[at : at + count] + np.uint64(1)) * _FACTORS[at]
    return _mixed(total[whole]), text[:count][whole]


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """32 well-mixed bits of each value (the finaliser of MurmurHash3)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values >> np.uint64(32)


def _smallest(values: NDArray[np.uint64], text: NDArray[np.uint64], texts: int, most: int) -> list[tuple[int, ...]]:
    """The `most` smallest distinct values of each text, sorted."""
    ordered = np.unique((text << np.uint64(32)) | values)
    edges = np.searchsorted(ordered, np.arange(texts + 1, dtype=np.uint64) << np.uint64(32)).tolist()
    low = ordered & np.uint64(0xFFFFFFFF)
    return [tuple(low[start : min(start + most, end)].tolist()) for start, end in pairwise(edges)]
