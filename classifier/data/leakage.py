"""Texts that stand twice, exactly or nearly, within and across sets; labels that contradict; twins of held-out rows.

Two texts are near twins where the character n-grams of their keys overlap by JACCARD. Candidates come from MinHash
bands (Broder 1997; Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, §3.4), and each is then checked exactly.
Figures hold no texts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from classifier.data.sets import SENTIMENT_BITS, DataSet, Example, Marked
from classifier.labels import topic_ids

JACCARD = 0.8
_BANDS, _DEPTH = 20, 4  # at the threshold 3 pairs in 100,000 are missed; above it far fewer
_WIDTH, _HAN_WIDTH = 4, 2  # letters in an n-gram: a Chinese word is about two letters long
_LOOKS = 16  # how many of one bucket a text is held against: swarms of look-alikes would cost the square of their size
_BLOCK_LETTERS = 1 << 20
_BLOCK_GRAMS = 1 << 22
_GRAM_BITS = 44  # an n-gram's hash; the other 20 bits of a word number the texts of a block
_LISTED = 20  # kinds of contradiction that a report names
_HELD_OUT = ("dev", "test")

Ids = npt.NDArray[np.intp]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]
R = TypeVar("R", Example, Marked)


class Twins(NamedTuple):
    """How many rows have an exact twin, and how many others a near one."""

    exact: int = 0
    near: int = 0

    def figures(self, rows: int) -> dict[str, Any]:
        """Return the counts with their share of `rows`."""
        return {"exact": self.exact, "near": self.near, "share": round((self.exact + self.near) / rows, 4)}


def leakage_report(examples: Sequence[Example]) -> dict[str, Any]:
    """Return the figures of the run record, on the rows as they were read.

    `sets`: rows that repeat an earlier one of their set, and texts with contradicting labels; `across`: rows of the
    first set with a twin in the second; `leaks`: training rows with a twin in a held-out part; `held_out`: rows of a
    held-out part with a twin in any training row of the task; `training`: what `drop_leaks` would take away.
    """
    index = _Index(sorted({example.key for example in examples}))
    by_set: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_set[example.data_set.name].append(example)
    report: dict[str, Any] = {"jaccard": JACCARD, "sets": {}, "across": [], "leaks": [], "held_out": [], "training": {}}
    for name, rows in by_set.items():
        report["sets"][name] = {"task": _task(rows), "rows": len(rows), **_repeats(rows, index)}
    for first, second in combinations(by_set, 2):
        twins = index.twins(by_set[first], by_set[second]) if _task(by_set[first]) == _task(by_set[second]) else Twins()
        if any(twins):
            figures = twins.figures(len(by_set[first]))
            contradictions = _contradictions(by_set[first], by_set[second])
            report["across"].append({"sets": [first, second], **figures, "contradictions": contradictions})
    for task in ("sentiment", "topics"):
        _add_leaks(report, task, [rows for rows in by_set.values() if _task(rows) == task], index)
    return report


def _add_leaks(report: dict[str, Any], task: str, sets: Sequence[Sequence[Example]], index: "_Index") -> None:
    """Add what training and held-out rows of one task share."""
    training = [part for rows in sets if (part := [row for row in rows if row.split == "train"])]
    training = [rows for rows in training if rows[0].data_set.trains]
    held = [part for rows in sets for split in _HELD_OUT if (part := [row for row in rows if row.split == split])]
    for rows in training:
        for kept in held:
            twins = index.twins(rows, kept)
            if any(twins):
                names = {"train": rows[0].data_set.name, "held": kept[0].data_set.name, "split": kept[0].split}
                report["leaks"].append({"task": task, **names, **twins.figures(len(rows))})
    every = [row for rows in training for row in rows]
    for kept in held:
        place = {"set": kept[0].data_set.name, "split": kept[0].split, "rows": len(kept)}
        report["held_out"].append({"task": task, **place, **index.twins(kept, every).figures(len(kept))})
    if every:
        twins = index.twins(every, [row for kept in held for row in kept])
        report["training"][task] = {"rows": len(every), **twins.figures(len(every))}


def _task(rows: Sequence[Example]) -> str:
    return rows[0].data_set.task


def drop_leaks(rows: Sequence[R], examples: Sequence[Example]) -> list[R]:
    """Return `rows` without training rows that have a twin, exact or near, among the held-out ones of `examples`.

    Give the examples of one task: what is held out for topics may well teach sentiment.
    """
    held: list[str] = sorted({example.key for example in examples if example.split != "train"})
    keys: list[str] = sorted({row.key for row in rows if row.split == "train"} - set(held))
    index = _Index([*held, *keys])
    places = np.arange(len(index.keys))
    near = index.near(places[len(held) :], places[: len(held)])
    leaking = set(held).union(key for key, twin in zip(keys, near.tolist(), strict=True) if twin)
    return [row for row in rows if row.split != "train" or row.key not in leaking]


def _repeats(rows: Sequence[Example], index: "_Index") -> dict[str, Any]:
    places = index.places(dict.fromkeys(row.key for row in rows))
    # Sorted by key, not by row, so that the count does not depend on the order of the file.
    near = int(index.near(np.sort(places), np.sort(places), earlier=True).sum())
    twins = Twins(len(rows) - len(places), near)
    return twins.figures(len(rows)) | {"contradictions": _contradictions(rows, rows)}


def _contradictions(first: Sequence[Example], second: Sequence[Example]) -> dict[str, Any]:
    """Count the texts of both (or of one, given twice) whose labels cannot both be right, by their labels."""
    by_key: dict[str, set[tuple[DataSet, int, tuple[int, ...]]]] = defaultdict(set)
    for row in second:
        by_key[row.key].add((row.data_set, row.allowed, row.topics))
    found: dict[str, set[str]] = defaultdict(set)
    for row in first:
        for other in by_key.get(row.key, ()):
            if _contradict((row.data_set, row.allowed, row.topics), other):
                found[row.key] |= {_label(row.allowed, row.topics), _label(other[1], other[2])}
    counts = Counter(" / ".join(sorted(labels)) for labels in found.values())
    listed = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:_LISTED]
    return {"texts": len(found), "labels": dict(listed)}


def _contradict(one: tuple[DataSet, int, tuple[int, ...]], other: tuple[DataSet, int, tuple[int, ...]]) -> bool:
    """Say whether two labels of a text exclude each other, out of what both sets can name."""
    if one[0].task == "topics":
        shared = set(one[0].topics) & set(other[0].topics)
        left, right = shared & set(one[2]), shared & set(other[2])
        return bool(left and right) and (left != right if one[0] == other[0] else not left & right)
    return not one[1] & other[1] and bool(one[1] & other[0].nameable and other[1] & one[0].nameable)


def _label(allowed: int, topics: tuple[int, ...]) -> str:
    if topics:
        return "+".join(topic_ids()[place] for place in topics)
    return " or ".join(name for name, bit in SENTIMENT_BITS.items() if allowed & bit)


class _Index:
    """Distinct keys with their n-grams (one row a key, columns are hashes) and their MinHash bands [n, _BANDS]."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self._place = {key: place for place, key in enumerate(keys)}
        grams, sizes, bands = [np.empty(0, np.int64)], [np.zeros(1, np.int64)], [np.empty((0, _BANDS), np.uint64)]
        for block in _blocks(keys):
            found, counts = _grams(block)
            grams.append(found.astype(np.int64))
            sizes.append(counts)
            bands.append(_bands(found, counts))
        self._ends = np.cumsum(np.concatenate(sizes))
        columns = np.concatenate(grams)
        shape = (len(keys), 1 << _GRAM_BITS)
        self._grams = sparse.csr_matrix((np.ones(len(columns), np.int32), columns, self._ends), shape=shape)
        self._grams.has_canonical_format = True  # sorted and without repeats, as `_grams` makes them
        self._sizes = np.diff(self._ends)
        self._band_values = np.concatenate(bands)

    def places(self, keys: Iterable[str]) -> Ids:
        """Return where keys stand."""
        return np.array([self._place[key] for key in keys], dtype=np.intp)

    def twins(self, rows: Sequence[Example], among: Sequence[Example]) -> Twins:
        """Count the rows that have a twin among others."""
        there = {row.key for row in among}
        new = Counter(row.key for row in rows if row.key not in there)
        near = self.near(self.places(new), self.places(sorted(there)))
        rows_of_each = np.array(list(new.values()), dtype=np.int64)
        return Twins(len(rows) - new.total(), int(rows_of_each[near].sum()))

    def near(self, left: Ids, right: Ids, earlier: bool = False) -> Bools:
        """Say for each key of `left` whether `right` has a near twin of it, itself aside.

        `earlier`: only twins at a lower place count, so that of two twins one is new.
        """
        found = np.zeros(len(left), dtype=np.bool_)
        for band in range(_BANDS):
            values = self._band_values[right, band]
            order = np.argsort(values, kind="stable")
            values, bucket = values[order], right[order]
            first = np.searchsorted(values, self._band_values[left, band], side="left")
            last = np.searchsorted(values, self._band_values[left, band], side="right")
            for look in range(_LOOKS):
                still = np.flatnonzero(~found & (first + look < last))
                if not len(still):
                    break
                one, other = left[still], bucket[first[still] + look]
                asked = (other < one) if earlier else (other != one)
                found[still[asked]] = self._jaccard(one[asked], other[asked]) >= JACCARD
        return found

    def _jaccard(self, left: Ids, right: Ids) -> npt.NDArray[np.float64]:
        """Return the overlap of pairs, 0 where the sizes alone rule the threshold out."""
        sizes = np.stack([self._sizes[left], self._sizes[right]])
        overlap = np.zeros(len(left))
        open_ = np.flatnonzero(sizes.min(axis=0) >= JACCARD * sizes.max(axis=0))
        rounds = np.cumsum(sizes[:, open_].sum(axis=0)) // _BLOCK_GRAMS
        for part in np.split(open_, np.flatnonzero(np.diff(rounds)) + 1):
            both = self._grams[left[part]].multiply(self._grams[right[part]]).sum(axis=1)
            common = np.asarray(both, dtype=np.float64).ravel()
            overlap[part] = common / (sizes[:, part].sum(axis=0) - common)
        return overlap


def _blocks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    """Cut keys into runs that fit memory caches."""
    start = letters = 0
    for place, key in enumerate(keys):
        letters += len(key) + _WIDTH
        if letters >= _BLOCK_LETTERS:
            yield keys[start : place + 1]
            start, letters = place + 1, 0
    if start < len(keys):
        yield keys[start:]


def _grams(keys: Sequence[str]) -> tuple[U64, npt.NDArray[np.int64]]:
    """Return the distinct n-grams of each key as hashes, key after key and sorted, and how many each key has.

    A key that is shorter than an n-gram is one as a whole.
    """
    padding = "\0" * _WIDTH
    letters = np.frombuffer(padding.join([*keys, ""]).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.array([len(key) for key in keys])
    starts = np.concatenate([[0], np.cumsum(lengths + _WIDTH)[:-1]])
    han = np.concatenate([[0], np.cumsum((letters >= 0x3400) & (letters <= 0x9FFF))])
    width = np.where(2 * (han[starts + lengths] - han[starts]) >= np.maximum(lengths, 1), _HAN_WIDTH, _WIDTH)
    counts = np.maximum(lengths - width + 1, 1)
    owner = np.repeat(np.arange(len(keys)), counts)
    at = np.arange(counts.sum()) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
    hashed = np.zeros(len(at), dtype=np.uint64)
    for step in range(_WIDTH):
        hashed = np.where(step < width[owner], _mixed(hashed ^ letters[at + step].astype(np.uint64)), hashed)
    tagged = np.unique(owner.astype(np.uint64) << np.uint64(_GRAM_BITS) | hashed >> np.uint64(64 - _GRAM_BITS))
    found = np.bincount((tagged >> np.uint64(_GRAM_BITS)).astype(np.intp), minlength=len(keys))
    return tagged & np.uint64((1 << _GRAM_BITS) - 1), found


def _bands(grams: U64, counts: npt.NDArray[np.int64]) -> U64:
    """Return for each text the hash of each band: the least of its n-grams under _DEPTH random orders."""
    starts = np.cumsum(counts) - counts
    orders = _mixed(np.arange(1, 2 * _BANDS * _DEPTH + 1, dtype=np.uint64)).reshape(_BANDS, _DEPTH, 2)
    bands = np.zeros((len(counts), _BANDS), dtype=np.uint64)
    for band in range(_BANDS):
        for factor, shift in orders[band]:
            least = np.minimum.reduceat((grams * (factor | np.uint64(1)) + shift) >> np.uint64(32), starts)
            bands[:, band] = _mixed(bands[:, band] ^ least)
    return bands


def _mixed(values: U64) -> U64:
    """Scatter 64-bit values (the finaliser of splitmix64, Steele et al. 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)
