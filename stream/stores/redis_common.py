"""What the Redis stores share: the connection, scripts that outlive a flushed script cache, and errors in our words.
Nothing here knows what is stored.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis import exceptions

from stream.errors import ServerUnavailable

Argument = str | bytes | int

_LUA = Path(__file__).with_name("lua")
_MAY_PASS = (
    exceptions.ConnectionError,  # also: loading its file, password refused
    exceptions.TimeoutError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.ClusterError,
    exceptions.TryAgainError,
    exceptions.MasterDownError,
)
_CODES_MAY_PASS = ("MISCONF", "NOREPLICAS", "BUSY", "CLUSTERDOWN")


def connect(url: str, timeout_s: float = 10.0) -> redis.Redis:
    """A client for a redis:// or rediss:// URL; connects when first used and answers in bytes."""
    return redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)


@contextmanager
def faults_named(client: redis.Redis) -> Iterator[None]:
    """Turns faults that may pass into `ServerUnavailable` with the server's address, never its password."""
    try:
        yield
    except _MAY_PASS as error:
        raise ServerUnavailable(_line(client, error)) from None
    except exceptions.ResponseError as error:
        if str(error).startswith(_CODES_MAY_PASS):
            raise ServerUnavailable(_line(client, error)) from None
        raise


class Script:
    """A Lua script of this package that runs on one key, or key base, and so in one slot of a cluster. Several names
    are one script: what comes first is there for what comes after."""

    def __init__(self, *names: str) -> None:
        self._source = "\n".join((_LUA / f"{name}.lua").read_text(encoding="utf-8") for name in names)
        self._sha = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: redis.Redis, key: str, *args: Argument) -> Any:
        """The script's answer."""
        with faults_named(client):
            try:
                return client.evalsha(self._sha, 1, key, *args)
            except exceptions.NoScriptError:
                return client.eval(self._source, 1, key, *args)

    def run_each(self, client: redis.Redis, calls: Sequence[tuple[str, Sequence[Argument]]]) -> list[Any]:
        """The answers of several runs, each a (key, arguments), sent together; one may be done and another not."""
        if len(calls) == 1:
            return [self.run(client, calls[0][0], *calls[0][1])]
        with faults_named(client), client.pipeline(transaction=False) as pipeline:
            for key, args in calls:
                pipeline.evalsha(self._sha, 1, key, *args)
            answers = pipeline.execute(raise_on_error=False)
            for at, (key, args) in enumerate(calls):
                if isinstance(answers[at], exceptions.NoScriptError):
                    answers[at] = client.eval(self._source, 1, key, *args)
                elif isinstance(answers[at], Exception):
                    raise answers[at]
            return answers


def glob_literal(text: str) -> str:
    """`text` as a pattern of SCAN that matches only itself."""
    return "".join("\\" + char if char in "*?[]^-\\" else char for char in text)


def _line(client: redis.Redis, error: Exception) -> str:
    options = client.get_connection_kwargs()
    where = options.get("path") or f"{options.get('host')}:{options.get('port')}"
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"Redis at {where} does not serve ({reason}); start it with `groundswell up` or check the setting redis.url"
