"""What is remembered of one series, but for the detector's arrays: filled by `watch` and `applied`."""

import msgspec

from alerts.events import SeriesRef
from alerts.evidence import Context
from alerts.lifecycle import LifecycleState


class Series(msgspec.Struct, array_like=True):
    """Everything about one series but the detector's arrays. A gap moves all its times on (`Watch.skip_to`)."""

    name: str
    born: int  # the bucket of its first vote
    last: int  # the bucket of its last vote
    asleep_since: int | None = None  # the first bucket that was not closed
    contexts: list[Context] = []
    lifecycles: dict[str, LifecycleState] = {}
    incidents: dict[str, str] = {}
    fired: dict[str, int] = {}  # how often, by rule

    @property
    def ref(self) -> SeriesRef:
        """The series as alerts name it."""
        kind, _, key = self.name.partition(":")
        return SeriesRef(msgspec.convert(kind, SeriesRef.__annotations__["kind"]), key, (key,) * (kind == "issuer"))

    @property
    def kind(self) -> str:
        """What stands before the colon of its name."""
        return self.name.partition(":")[0]
