"""Real Kafka, Redis and Elasticsearch for tests, and a prefix that keeps one test's data from another's.

A test that asks for a server gets the marker `servers` by itself. A server that cannot be started is a failure.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.local import Stack, StackInfo

settings.register_profile("fast", max_examples=25, deadline=None)  # of `make test-fast`

REPOSITORY = Path(__file__).resolve().parent.parent
_SERVER_OF_FIXTURE = {"kafka": "kafka", "redis_url": "redis", "elasticsearch_url": "elasticsearch"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs servers, before `-m` selects."""
    for item in items:
        if "stack" in _fixtures(item):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[StackInfo]:
    """The servers that this session's tests ask for (all of them if a test asks for `stack`), on free ports.

    They start together, live in a folder of their own, and share the repository's cache of binaries.
    """
    asked: set[str] = set()
    for item in request.session.items:
        asked |= _direct_fixtures(item)
    only = sorted({_SERVER_OF_FIXTURE[name] for name in asked & set(_SERVER_OF_FIXTURE)})
    if "stack" in asked or not only:
        only = sorted(_SERVER_OF_FIXTURE.values())
    folder = Path(tempfile.mkdtemp(prefix="groundswell-test-"))
    folder.chmod(0o755)  # Elasticsearch does not run as root, and must get in
    local = Stack(folder, cache=REPOSITORY / ".groundswell" / "cache")
    try:
        yield local.up(free_ports=True, only=only)
    finally:
        local.down()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def kafka(stack: StackInfo) -> str:
    """Bootstrap address (host:port) of a real Kafka."""
    return stack.kafka


@pytest.fixture(scope="session")
def redis_url(stack: StackInfo) -> str:
    """redis:// URL of a real Redis."""
    return stack.redis_url


@pytest.fixture(scope="session")
def elasticsearch_url(stack: StackInfo) -> str:
    """http:// URL of a real Elasticsearch."""
    return stack.elasticsearch_url


@pytest.fixture
def prefix() -> str:
    """A short name, new for each test, to begin topics, keys and indices with."""
    return f"t{uuid.uuid4().hex[:10]}"


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def _direct_fixtures(item: pytest.Item) -> set[str]:
    """Fixtures of a test, less `stack` where it is only there for one server's fixture."""
    names = _fixtures(item)
    if names & set(_SERVER_OF_FIXTURE) and not _argument_names(item) & {"stack"}:
        names -= {"stack"}
    return names


def _argument_names(item: pytest.Item) -> set[str]:
    info = getattr(item, "_fixtureinfo", None)
    return set(info.argnames) if info else set()
