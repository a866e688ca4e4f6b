"""What was sent against what arrived: a ledger beside Redis, Elasticsearch and the dead letters. Nothing may be lost
and nothing extra; the stores are asked and never changed.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from stream.dead_letters import Letter
from stream.errors import InputError
from stream.pipeline import MARKET
from stream.stores.protocols import DocumentStore, TrendStore
from stream.times import DAY_MS

EXAMPLES = 20
_FIRST_DAY_MS, _AFTER_LAST_DAY_MS = -719_162 * DAY_MS, 2_932_897 * DAY_MS  # the years 1 to 9999


class Ledger(NamedTuple):
    """What a driver sent: ids of good posts, and SHA-256 (hexadecimal) of the bytes that must be dead-lettered."""

    ids: frozenset[str]
    digests: frozenset[str]


class Compared(NamedTuple):
    """One store beside the ledger: what it lacks, and what it has beyond. `double` counts surplus countings."""

    found: int
    lost: tuple[str, ...]
    extra: tuple[str, ...]
    double: int = 0


class Letters(NamedTuple):
    """The dead letters beside the ledger. `repeats` tell one message again; `incomplete` lack a header: both named."""

    compared: Compared
    repeats: int
    incomplete: tuple[str, ...]


class Audit(NamedTuple):
    """What was found."""

    ledger: Ledger
    redis: Compared
    elasticsearch: Compared
    dead_letters: Letters

    @property
    def lost(self) -> int:
        """What is missing in a store, over all stores; a letter without all its headers is lost, too."""
        return sum(len(one.lost) for one in self._stores) + len(self.dead_letters.incomplete)

    @property
    def extra(self) -> int:
        """What a store has beyond the ledger, over all stores, and what was counted more than once."""
        return sum(len(one.extra) + one.double for one in self._stores)

    @property
    def _stores(self) -> tuple[Compared, Compared, Compared]:
        return self.redis, self.elasticsearch, self.dead_letters.compared


class _Line(msgspec.Struct, frozen=True):
    id: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")] | None = None


_LINE = msgspec.json.Decoder(_Line)


def read_ledger(path: Path) -> Ledger:
    """A ledger of JSON lines, `{"id": …}` or `{"sha256": …}`; repeats are one. `InputError` names a bad line."""
    ids, digests = set(), set()
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.strip():
                    continue
                line = _line(raw, f"{path}, line {number}")
                if line.id is not None:
                    ids.add(line.id)
                elif line.sha256 is not None:
                    digests.add(line.sha256.lower())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if not ids and not digests:
        raise InputError(f'{path} is empty; a ledger has lines {{"id": …}} or {{"sha256": …}}')
    return Ledger(frozenset(ids), frozenset(digests))


def _line(raw: bytes, where: str) -> _Line:
    try:
        line = _LINE.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{where}: {error}") from None
    if (line.id is None) == (line.sha256 is None):
        raise InputError(f'{where}: needs either "id" or "sha256"')
    return line


def audit(ledger: Ledger, trends: TrendStore, documents: DocumentStore, letters: Iterable[Letter]) -> Audit:
    """Compares; `ServerUnavailable` where a store does not answer. Posts still on their way show as lost."""
    seen = _compare(ledger.ids, set(trends.seen_ids()))
    counted = sum(point.posts for point in trends.chart(MARKET, "day", _FIRST_DAY_MS, _AFTER_LAST_DAY_MS))
    documents.refresh()
    return Audit(
        ledger,
        seen._replace(double=max(0, counted - seen.found)),
        _compare(ledger.ids, set(documents.ids())),
        _compare_letters(ledger.digests, letters),
    )


def _compare(sent: frozenset[str], found: set[str]) -> Compared:
    return Compared(len(found), tuple(sorted(sent - found)), tuple(sorted(found - sent)))


def _compare_letters(sent: frozenset[str], letters: Iterable[Letter]) -> Letters:
    """Letters of the notify role speak of alerts, which no ledger knows; they are left out."""
    told = 0
    digests: dict[tuple[str | None, ...], str] = {}
    incomplete = []
    for letter in letters:
        if letter.added("stage") == "notify":
            continue
        told += 1
        if letter.missing:
            incomplete.append(f"dead letter {letter.partition}/{letter.offset} lacks {', '.join(letter.missing)}")
        digests[letter.origin] = hashlib.sha256(letter.value or b"").hexdigest()
    return Letters(_compare(sent, set(digests.values())), told - len(digests), tuple(incomplete))


def to_json(found: Audit) -> dict[str, object]:
    """The result for scripts; of what is lost or extra the first twenty are named."""
    letters = found.dead_letters
    return {
        "lost": found.lost,
        "extra": found.extra,
        "sent": {"posts": len(found.ledger.ids), "bad": len(found.ledger.digests)},
        "redis": _store(found.redis) | {"counted_twice": found.redis.double},
        "elasticsearch": _store(found.elasticsearch),
        "dead_letters": _store(letters.compared)
        | {"repeats": letters.repeats, "without_headers": list(letters.incomplete[:EXAMPLES])},
    }


def _store(one: Compared) -> dict[str, object]:
    return {
        "found": one.found,
        "lost": len(one.lost),
        "extra": len(one.extra),
        "lost_examples": list(one.lost[:EXAMPLES]),
        "extra_examples": list(one.extra[:EXAMPLES]),
    }


def describe(found: Audit) -> str:
    """The result for people: the sum, and a line a store with the first names."""
    lines = [
        f"lost {found.lost}, extra {found.extra} of {len(found.ledger.ids)} posts and "
        f"{len(found.ledger.digests)} bad rows sent"
    ]
    names = ("Redis", "Elasticsearch", "dead letters")
    for name, one in zip(names, (found.redis, found.elasticsearch, found.dead_letters.compared), strict=True):
        lines.append(f"  {name}: {one.found} found, {len(one.lost)} lost, {len(one.extra)} extra")
        lines += [f"    lost {entry}" for entry in one.lost[:EXAMPLES]]
        lines += [f"    extra {entry}" for entry in one.extra[:EXAMPLES]]
    if found.redis.double:
        lines.append(f"  Redis: {found.redis.double} countings too many in the chart of {MARKET}")
    lines += [f"  {line}" for line in found.dead_letters.incomplete[:EXAMPLES]]
    if found.dead_letters.repeats:
        lines.append(f"  dead letters: {found.dead_letters.repeats} told again after a restart (none is extra)")
    return "\n".join(lines)
