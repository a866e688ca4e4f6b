"""Empty stores of each kind, for the claims that hold of all of them."""

import itertools
from collections.abc import Iterator

import pytest

from stream.stores.memory import MemoryTrends
from stream.stores.protocols import SERIES_KEPT, TrendStore
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from tests.contract.counted import Make


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes an empty trend store of so many shards, which keeps so many series of a kind apart."""
    if request.param == "memory":
        yield MemoryTrends
        return
    with connect(request.getfixturevalue("redis_url")) as client:
        prefix = request.getfixturevalue("prefix")
        numbers = itertools.count()
        yield lambda shards, kept=SERIES_KEPT: RedisTrends(client, f"{prefix}{next(numbers)}", shards, series_kept=kept)


@pytest.fixture
def store(make: Make) -> TrendStore:
    """An empty store of one shard."""
    return make(1)
