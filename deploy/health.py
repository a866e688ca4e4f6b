"""The container's health check, `python -m deploy.health`: can this role reach the servers it works with?

A role that lost its servers waits and retries; this makes that visible. How far a role lags is judged elsewhere.
"""

from __future__ import annotations

import socket
import sys
from urllib.parse import urlsplit

from stream.errors import GroundswellError
from stream.settings import Settings, load_settings

_TIMEOUT_S = 3.0


def unreachable(settings: Settings) -> list[str]:
    """Names and addresses of the servers that accept no connection within 3 s; empty when all is well."""
    wanted = {
        "Kafka": settings.kafka.bootstrap.split(",")[0],
        "Redis": settings.redis.url,
        "Elasticsearch": settings.elasticsearch.url,
    }
    failed = []
    for name, address in wanted.items():
        url = urlsplit(address if "//" in address else f"//{address}")
        try:
            socket.create_connection((url.hostname or "", url.port or 0), _TIMEOUT_S).close()
        except OSError as error:
            failed.append(f"{name} at {url.hostname}:{url.port}: {error}")
    return failed


def main() -> int:
    """Exit code 0 when all servers accept connections; otherwise one line on stderr for each that does not."""
    try:
        failed = unreachable(load_settings())
    except GroundswellError as error:
        failed = [str(error)]
    sys.stderr.writelines(f"{line}\n" for line in failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
