"""Hashed features: what they are, and that a batch changes nothing."""

import re
import sys
import unicodedata
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.linear import features as room
from classifier.linear.features import Hashing, features, normalise_batch

TWO_64 = 1 << 64
BASE = 0x9E3779B97F4A7C15
SMALL = Hashing(bits=14)
TEXTS = st.lists(st.text(max_size=60), max_size=6)
WORDY = st.lists(st.text(alphabet="ab $@0.'-/:涨跌停😀\n\u200bé", max_size=40), max_size=5)


def scalar_mix(value: int, salt: int) -> int:
    value = (value + salt * BASE) % TWO_64
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % TWO_64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % TWO_64
    return value ^ (value >> 31)


def scalar_substring(text: str) -> int:
    return sum(ord(char) * pow(BASE, place, TWO_64) for place, char in enumerate(text)) % TWO_64


def ideographic(char: str) -> bool:
    return ord(char) >= 0x2E80 and char not in (room.URL, room.USER, room.TICKER)


def scalar_row(text: str, hashing: Hashing) -> dict[int, float]:
    """The slow and plain meaning of `features`, one text and one n-gram at a time."""
    line = f" {normalise_batch([text], hashing.max_chars)[0]} "
    found: list[tuple[int, float]] = []
    for order in hashing.char_orders:
        for start in range(len(line) - order + 1):
            gram = line[start : start + order]
            touched = any(map(ideographic, gram))
            if 2 < order < 5 or touched == (order <= 2):
                found.append((scalar_mix(scalar_substring(gram), order), 1.0))
    letters = "".join(
        char if char in "'" + room.URL + room.USER + room.TICKER or (char.isalnum() and not ideographic(char)) else "\0"
        for char in line
    )
    words = [scalar_mix(scalar_substring(word), 101) for word in re.findall("[^\0]+", letters)]
    for order in hashing.word_orders:
        for start in range(len(words) - order + 1):
            gram_hash = words[start]
            for word in words[start + 1 : start + order]:
                gram_hash = (gram_hash * 0xD6E8FEB86659FD93 + word) % TWO_64
            found.append((scalar_mix(gram_hash, 100 + order), hashing.word_weight))
    norm = max(sum(weight**2 for _, weight in found), 1.0) ** 0.5
    row: dict[int, float] = defaultdict(float)
    for value, weight in found:
        row[value >> (64 - hashing.bits)] += weight / norm
    return dict(row)


@given(WORDY)
def test_vectorised_hashes_equal_a_slow_scalar_recomputation(texts: list[str]) -> None:
    matrix = features(texts, SMALL)
    for row, text in enumerate(texts):
        expected = np.zeros(1 << SMALL.bits)
        for bucket, value in scalar_row(text, SMALL).items():
            expected[bucket] = value
        np.testing.assert_allclose(matrix[row].toarray()[0], expected, rtol=1e-5, atol=1e-6)


@given(TEXTS)
def test_a_row_is_the_same_alone_and_in_a_batch(texts: list[str]) -> None:
    together = features(texts, SMALL)
    for row, text in enumerate(texts):
        alone = features([text], SMALL)
        part = slice(together.indptr[row], together.indptr[row + 1])
        assert np.array_equal(alone.indices, together.indices[part])
        assert np.array_equal(alone.data, together.data[part])


@given(st.lists(st.text(max_size=80), max_size=5))
def test_normalising_gives_one_line_a_text(texts: list[str]) -> None:
    assert normalise_batch(texts, 2000) == [normalise_batch([text], 2000)[0] for text in texts]


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("$NWRB up 5.2% http://example.org/a?b", f"{room.TICKER} up 0% {room.URL}"),
        ("See https://example.org/x公告", f"see {room.URL}公告"),
        ("@someone Ｇｒｅａｔ\u200b  news", f"{room.USER} great news"),
        ("哈哈哈哈哈哈 涨停!!!!!", "哈哈哈 涨停!!!"),
        ("isn’t 1,234.5", "isn't 0"),
        ("\ue000 forged", " forged"),
        ("", ""),
    ],
)
def test_what_a_thing_is_stands_for_which_it_is(raw: str, plain: str) -> None:
    assert normalise_batch([raw], 2000) == [plain]


def test_every_invisible_format_character_is_dropped() -> None:
    missed = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Cf" and not room._INVISIBLE.match(chr(code))
    ]
    assert missed == []


def test_work_on_one_text_is_bounded() -> None:
    assert features(["a" * 20_000 + "b " * 20_000], SMALL).nnz < 10 * SMALL.max_chars
