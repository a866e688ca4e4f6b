"""Texts to hashed n-gram features: normalisation, rolling hashes and the sparse matrix, vectorised over a batch.

No weights and no labels live here. A text's row never depends on the other texts of its batch.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import sparse

# Stand-ins from the private-use area: what a URL, a user, a ticker or a number *is* says nothing about the mood.
URL, USER, TICKER = "\ue000", "\ue001", "\ue002"
_STAND_INS = range(0xE000, 0xE003)
_IDEOGRAPHIC = 0x2E80  # from here on a code point is read as a word of its own (CJK, kana, hangul, emoji)

# Category Cf (Unicode 15), the variation selectors, and the private-use code points that we give a meaning.
_INVISIBLE = re.compile(
    "[\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\ue000-\ue002]"
)
_URL = re.compile(r"(?:https?://|www\.)[!-~]+|\bpic\.twitter\.com/[!-~]+")
_USER = re.compile(r"(?<![a-z0-9_])@[a-z0-9_]+")
_TICKER = re.compile(r"\$[a-z]{1,6}(?:[.\-][a-z]{1,2})?(?![a-z0-9])")
_NUMBER = re.compile(r"[0-9]+(?:[.,:][0-9]+)*")
_REPEAT = re.compile(r"([^\n])\1{3,}")

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_WORD_MIX = np.uint64(0xD6E8FEB86659FD93)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

U64 = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


class Hashing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What decides a text's features; kept in the model's `config.json`.

    `max_chars` bounds the work on one text; `char_orders` and `word_orders` are lengths of n-grams; a word n-gram
    counts `word_weight` times as much as one of characters.
    """

    bits: int = 18
    char_orders: tuple[int, ...] = (1, 2, 3, 4, 5)
    word_orders: tuple[int, ...] = (1, 2)
    word_weight: float = 3.0
    max_chars: int = 2000


def normalise_batch(texts: Sequence[str], max_chars: int) -> list[str]:
    """Give the matching form of each text: one line, NFKC, lower case, stand-ins for URLs, users, tickers, numbers."""
    if not texts:
        return []
    joined = "\n".join([" ".join(text[:max_chars].split()) for text in texts])
    joined = unicodedata.normalize("NFKC", _INVISIBLE.sub("", joined)).lower()
    joined = _INVISIBLE.sub("", joined.replace("\u2019", "'"))
    joined = _URL.sub(URL, joined)
    joined = _USER.sub(USER, joined)
    joined = _TICKER.sub(TICKER, joined)
    joined = _NUMBER.sub("0", joined)
    joined = _REPEAT.sub(r"\1\1\1", joined)
    return joined.split("\n")


@lru_cache(maxsize=1)
def _letter_table() -> Flags:
    """Say for each code point below the ideographs whether it continues a word of an alphabet."""
    return np.array([chr(code).isalnum() or chr(code) == "'" for code in range(_IDEOGRAPHIC)], dtype=np.bool_)


@lru_cache(maxsize=1)
def _powers(length: int) -> tuple[U64, U64]:
    """Return B**j and B**-j modulo 2**64 for j < length."""
    inverse = pow(_BASE, -1, 1 << 64)
    powers = np.ones((2, length), dtype=np.uint64)
    powers[0, 1:] = _BASE
    powers[1, 1:] = inverse
    np.cumprod(powers, axis=1, out=powers)
    return powers[0], powers[1]


def _table(length: int) -> tuple[U64, U64]:
    return _powers(1 << max(16, length.bit_length()))


def mix(values: U64, salt: int) -> U64:
    """Spread the bits of rolling hashes (splitmix64's finaliser), with a salt that tells kinds of n-grams apart."""
    mixed = values + np.uint64(salt * _BASE & 0xFFFF_FFFF_FFFF_FFFF)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    mixed ^= mixed >> np.uint64(31)
    return mixed


def features(texts: Sequence[str], hashing: Hashing) -> sparse.csr_matrix:
    """Hash a batch of raw texts to a matrix [len(texts), 2**bits], float32: weighted n-gram counts, rows of length 1.

    Repeated n-grams stay as repeated entries (they add up in a product; a row's length counts them apart); call
    `sum_duplicates` where that matters.
    """
    lines = [f" {line} " for line in normalise_batch(texts, hashing.max_chars)]
    lengths = np.fromiter((len(line) for line in lines), dtype=np.int64, count=len(lines))
    codes = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    hashes, present = _ngrams(codes, np.repeat(np.arange(len(lines), dtype=np.int32), lengths), hashing)
    value = np.ones(present.shape[1], dtype=np.float32)
    value[len(hashing.char_orders) :] = hashing.word_weight
    last = np.cumsum(lengths) - 1  # each text's last position
    indptr = np.concatenate([[0], np.cumsum(present.sum(axis=1, dtype=np.int64))[last]])
    squares = np.concatenate([[0.0], np.cumsum(present @ np.square(value, dtype=np.float64))[last]])
    norm = np.sqrt(np.maximum(np.diff(squares), 1.0)).astype(np.float32)
    matrix = sparse.csr_matrix((len(lines), 1 << hashing.bits), dtype=np.float32)
    matrix.data = np.broadcast_to(value, present.shape)[present] / np.repeat(norm, np.diff(indptr))
    matrix.indices = (hashes[present] >> np.uint64(64 - hashing.bits)).astype(np.int32)
    matrix.indptr = indptr.astype(np.int32)
    return matrix


def _ngrams(codes: npt.NDArray[np.uint32], owner: npt.NDArray[np.int32], hashing: Hashing) -> tuple[U64, Flags]:
    """Return hashes [positions, kinds] and which of them exist; a kind is an order of characters or of words."""
    size = len(codes)
    kinds = len(hashing.char_orders) + len(hashing.word_orders)
    hashes = np.zeros((size, kinds), dtype=np.uint64)
    present = np.zeros((size, kinds), dtype=np.bool_)
    powers, inverses = _table(size + 1)
    prefix = np.zeros(size + 1, dtype=np.uint64)
    np.cumsum(codes.astype(np.uint64) * powers[:size], out=prefix[1:])

    ideographic = (codes >= _IDEOGRAPHIC) & ~((codes >= _STAND_INS.start) & (codes < _STAND_INS.stop))
    letter = _letter_table()[np.minimum(codes, _IDEOGRAPHIC - 1)] & (codes < _IDEOGRAPHIC)
    letter |= (codes >= _STAND_INS.start) & (codes < _STAND_INS.stop)
    for kind, order in enumerate(hashing.char_orders):
        width = size - order + 1
        if width <= 0:
            continue
        window = (prefix[order:] - prefix[:width]) * inverses[:width]
        hashes[:width, kind] = mix(window, order)
        present[:width, kind] = _char_rule(ideographic, order) & (owner[:width] == owner[order - 1 :])

    edge = np.diff(np.concatenate([[False], letter, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    words = mix((prefix[ends] - prefix[starts]) * inverses[starts], 101)
    grams = words
    for kind, order in enumerate(hashing.word_orders, start=len(hashing.char_orders)):
        width = len(words) - order + 1
        if width <= 0:
            continue
        grams = words[:width].copy()
        for offset in range(1, order):
            grams = grams * _WORD_MIX + words[offset : offset + width]
        hashes[starts[:width], kind] = mix(grams, 100 + order)
        present[starts[:width], kind] = owner[starts[:width]] == owner[starts[order - 1 :]]
    return hashes, present


def _char_rule(ideographic: Flags, order: int) -> Flags:
    """Say which windows of this order are kept: short ones only with an ideograph, long ones only without."""
    width = len(ideographic) - order + 1
    if 2 < order < 5:
        return np.ones(width, dtype=np.bool_)
    touched = ideographic[:width].copy()
    for offset in range(1, order):
        touched |= ideographic[offset : offset + width]
    return touched if order <= 2 else ~touched
