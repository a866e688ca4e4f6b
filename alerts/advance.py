"""What a step of the watch brings: alerts, bands, and which stories voted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.accounts import Account
from alerts.events import Alert


class Advance(NamedTuple):
    """What a step of the watch brought: `bands` maps series -> rows of `Band` (float64, shape buckets x 6),
    `accounts` series -> its account, where it changed."""

    alerts: list[Alert]
    bands: dict[str, NDArray[np.float64]]
    voted_added: dict[str, dict[str, int]]
    voted_removed: dict[str, list[str]]
    accounts: dict[str, Account]


class Gathered:
    """What one call of `Watch.advance` gathers, bucket by bucket."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.slots: list[NDArray[np.intp]] = []
        self.bands: list[NDArray[np.float64]] = []
        self.voted_added: dict[str, dict[str, int]] = {}
        self.voted_removed: dict[str, list[str]] = {}

    def result(self, names: Sequence[str], accounts: dict[str, Account]) -> Advance:
        """All of it; `names` are those of the slots, `accounts` those that changed."""
        bands = {}
        if self.bands:
            slots, rows = np.concatenate(self.slots), np.concatenate(self.bands)
            order = np.argsort(slots, kind="stable")
            found, starts = np.unique(slots[order], return_index=True)
            parts = np.split(rows[order], starts[1:])
            bands = {names[slot]: part for slot, part in zip(found.tolist(), parts, strict=True)}
        removed = {
            name: [story for story in stories if story not in self.voted_added.get(name, {})]
            for name, stories in self.voted_removed.items()
        }
        return Advance(self.alerts, bands, self.voted_added, removed, accounts)
