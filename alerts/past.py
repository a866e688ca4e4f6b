"""What is kept of a series' last 12 hours, laid out for the evidence: each bucket with those before it.

Of a bucket six numbers are kept, the columns: negatives, votes, votes expected, the usual share, and shape and rate of
the level. They are kept in 4 bytes each, the latest bucket first.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from alerts.baseline import Usual
from alerts.tails import Floats

Past = NDArray[np.float32]


def columns(negatives: Floats, totals: Floats, usual: Usual[Floats]) -> Floats:
    """What is kept of these buckets, shape (6, rows)."""
    return np.stack([negatives, totals, usual.votes, usual.share, usual.level_shape, usual.level_rate])


def of_many(now: Floats, past: Past) -> Floats:
    """A bucket of each of many series with those before it, `past` (rows, columns, n); shape (rows, columns, n + 1)."""
    history = np.empty((*past.shape[:2], past.shape[2] + 1))
    history[:, :, 0], history[:, :, 1:] = now.T, past
    return history


def of_one(now: Floats, past: Past) -> Floats:
    """Consecutive buckets of one series, each with those before it, `past` (columns, n) before the first; shape
    (buckets, columns, n + 1)."""
    line = np.concatenate([past[:, ::-1], now.astype(np.float32)], axis=1)
    history = sliding_window_view(line, past.shape[1] + 1, axis=1)[:, :, ::-1].swapaxes(0, 1).astype(np.float64)
    history[:, :, 0] = now.T
    return history
