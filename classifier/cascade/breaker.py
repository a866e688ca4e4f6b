"""The circuit breaker: an endpoint that fails again and again is left alone for a while. Time is passed in."""

from threading import Lock


class Breaker:
    """Closed: all may ask. After `failures` in a row nobody may for `rest_s`; then one may try, and decides."""

    def __init__(self, failures: int, rest_s: float) -> None:
        self._failures, self._rest_s = failures, rest_s
        self._in_row = 0
        self._until_s: float | None = None
        self._lock = Lock()

    @property
    def closed(self) -> bool:
        """Say whether the endpoint is held to be well."""
        return self._until_s is None

    def allows(self, now_s: float) -> bool:
        """Say whether to ask now; after a rest the first who asks this is the one who tries."""
        with self._lock:
            if self._until_s is None:
                return True
            if now_s < self._until_s:
                return False
            self._until_s = now_s + self._rest_s
            return True

    def succeeded(self) -> bool:
        """Close; return whether it was open."""
        with self._lock:
            was_open, self._until_s, self._in_row = self._until_s is not None, None, 0
            return was_open

    def failed(self, now_s: float, rest_s: float | None = None) -> bool:
        """Note a failure, or with `rest_s` that the endpoint asks for a rest; return whether this opened it."""
        with self._lock:
            self._in_row += 1
            if rest_s is None and self._in_row < self._failures:
                return False
            was_closed = self._until_s is None
            self._until_s = max(self._until_s or 0.0, now_s + max(self._rest_s, rest_s or 0.0))
            return was_closed
