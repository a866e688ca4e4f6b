"""What an encoder is trained on: the rows of all sets of one language as arrays, and the order in which they are drawn.

Labels that a set cannot name are masked. Rows about a name in a text carry its span. No torch, no model.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from classifier import data
from classifier.labels import SENTIMENTS, topic_ids

F32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
TOLD = 0.99  # a topic's weight from which on people told it, and not a rule
_BITS = np.array([data.NEGATIVE, data.NEUTRAL, data.POSITIVE])


class Row(NamedTuple):
    """One text to learn from. `nameable` and `allowed` are sentiments as bits (0: it says nothing of sentiment);

    `topics` and `topic_weights` are positions and how sure each is told; `exclusive`: exactly one topic holds.
    `span` is the name in the text that is judged, None for the text as a whole.
    """

    text: str
    group: str
    nameable: int = 0
    allowed: int = 0
    topics: tuple[int, ...] = ()
    topic_weights: tuple[tuple[int, float], ...] = ()
    exclusive: bool = False
    span: tuple[int, int] | None = None


class Targets(NamedTuple):
    """Rows as arrays: masks [n, 3], topics [n, T] with weights (0: not told), and which rows have one topic only."""

    nameable: Bools
    allowed: Bools
    topics: F32
    topic_weights: F32
    exclusive: Bools

    def at(self, places: npt.NDArray[np.intp]) -> "Targets":
        """Return the targets of some rows."""
        return Targets(
            self.nameable[places],
            self.allowed[places],
            self.topics[places],
            self.topic_weights[places],
            self.exclusive[places],
        )


def targets(rows: Sequence[Row]) -> Targets:
    """Turn rows into arrays."""
    topics = np.zeros((len(rows), len(topic_ids())), dtype=np.float32)
    weights = np.zeros_like(topics)
    for position, row in enumerate(rows):
        topics[position, list(row.topics)] = 1.0
        for topic, weight in row.topic_weights:
            weights[position, topic] = weight
    nameable = np.array([row.nameable for row in rows], dtype=np.int64).reshape(-1, 1) & _BITS
    allowed = np.array([row.allowed for row in rows], dtype=np.int64).reshape(-1, 1) & _BITS
    assert nameable.shape == (len(rows), len(SENTIMENTS)), "one column a sentiment"
    exclusive = np.array([row.exclusive for row in rows], dtype=np.bool_)
    return Targets(nameable > 0, allowed > 0, topics, weights, exclusive)


def draw(
    groups: Sequence[str], temperature: float, shares: dict[str, float], random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Draw one epoch: each group's part grows with its size to the power of 1/temperature, times its share.

    Within a group no row comes a second time before every row came once. The epoch is as long as the shares times the
    sizes; the order is random.
    """
    names = np.array(groups)
    kinds, sizes = np.unique(names, return_counts=True)
    share = np.array([shares.get(str(kind), 1.0) for kind in kinds])
    part = share * sizes ** (1.0 / temperature)
    counts = np.rint(part / part.sum() * float((share * sizes).sum())).astype(np.int64)
    chosen = []
    for kind, count in zip(kinds, counts, strict=True):
        places = np.flatnonzero(names == kind)
        rounds = [random.permutation(places) for _ in range(-(-int(count) // len(places)))]
        chosen.append(np.concatenate([*rounds, places[:0]])[:count])
    return random.permutation(np.concatenate(chosen))


def batches(
    order: npt.NDArray[np.intp], lengths: npt.NDArray[np.int64], rows: int, random: np.random.Generator, pool: int = 64
) -> list[npt.NDArray[np.intp]]:
    """Cut an epoch into batches of texts of like length (little padding), in random order."""
    cut: list[npt.NDArray[np.intp]] = []
    for start in range(0, len(order), rows * pool):
        part = order[start : start + rows * pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        cut.extend(part[at : at + rows] for at in range(0, len(part), rows))
    return [cut[place] for place in random.permutation(len(cut))]
