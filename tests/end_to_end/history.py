"""Invented input for the end-to-end tests: fourteen days with seven surges, and bad rows of many kinds."""

import json
import random
from collections.abc import Callable, Iterator

import msgspec

from stream.records import MAX_MESSAGE_BYTES, RawPost
from stream.sample import COMPANIES, generate
from stream.times import datetime_ms, format_ms

DAYS = 14
FIRST_SURGE_H = 100.0
LATER_SURGES = ((1, 127.0), (2, 160.5), (3, 200.0), (5, 226.0), (6, 250.0), (9, 298.0))  # company, hour


def fourteen_days() -> list[bytes]:
    """Some 13,000 posts as JSON lines; seven companies come under fire, one after the other."""
    posts = generate(seed=11, days=DAYS, rate=0.4, surge_company=0, surge_at_h=FIRST_SURGE_H).posts
    for number, (company, hour) in enumerate(LATER_SURGES):
        other = generate(seed=100 + number, days=DAYS, rate=0.0, surge_company=company, surge_at_h=hour)
        symbol = COMPANIES[company].symbol
        posts += [post for post in other.posts if post.symbols == [symbol] and _within(post, other.surge)]
    return [_line(post) for post in sorted(posts, key=lambda post: (post.published_at, post.id or ""))]


def week() -> list[bytes]:
    """Some 2,500 posts of six days as JSON lines, with one surge."""
    return [_line(post) for post in generate(seed=4, days=6, rate=0.2, surge_at_h=110.0).posts]


def live_posts(number: int, now_ms: int) -> list[bytes]:
    """`number` posts with ids of their own, the last published at `now_ms` (milliseconds)."""
    posts = generate(seed=5, days=10).posts[-number:]
    assert len(posts) == number
    shift_ms = now_ms - datetime_ms(posts[-1].published_at)
    return [
        _line(post, published_at=format_ms(datetime_ms(post.published_at) + shift_ms), author=f"writer {place % 97}")
        for place, post in enumerate(posts)
    ]


def bad_rows(number: int, seed: int) -> list[bytes]:
    """Rows that nobody can use, of every kind in turn; most are unlike any other."""
    rng = random.Random(seed)
    kinds = list(_kinds(rng))
    return [kinds[place % len(kinds)](place) for place in range(number)]


def _kinds(rng: random.Random) -> Iterator[Callable[[int], bytes]]:
    plain = {"source": "Tickerhall", "published_at": "2026-01-05T09:30:00.000Z", "text": "Orbiq Robotics is quiet"}

    def with_(**changes: object) -> Callable[[int], bytes]:
        return lambda place: json.dumps(plain | {"id": f"bad-{place}"} | changes).encode()

    def without(field: str) -> Callable[[int], bytes]:
        return lambda place: json.dumps(
            {k: v for k, v in plain.items() if k != field} | {"id": f"bad-{place}"}
        ).encode()

    yield lambda place: b'{"id": "bad-%d", "text": "\xff\xfe\xc3("}' % place
    yield lambda place: with_()(place)[:-7]
    yield lambda place: rng.randbytes(200 + place)
    yield lambda place: b"[" * 100_000 + b"%d" % place
    yield lambda place: b'{"id": "bad-%d", "x": ' % place + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}"
    yield lambda place: with_()(place).replace(b'"text"', b'"followers": NaN, "text"')
    yield lambda place: with_()(place).replace(b'"text"', b'"followers": 1e30, "text"')
    yield lambda place: with_()(place).replace(b'"text"', b'"followers": ' + b"9" * 5000 + b', "text"')
    yield lambda place: b"\xef\xbb\xbf" + with_()(place)
    yield lambda place: with_(text="x")(place).replace(b'"x"', b'"\\ud800"')
    yield lambda place: with_()(place) + b"\x00"
    yield with_(text=["a", "list"])
    yield with_(text=None)
    yield with_(text="")
    yield with_(text=" \u200b\u202e \n")
    yield with_(published_at=True)
    yield with_(published_at="yesterday")
    yield with_(published_at="2026-01-05T09:30:00")
    yield with_(published_at="2099-01-05T09:30:00Z")
    yield with_(id="x" * 201)
    yield with_(id="")
    yield with_(source=7)
    yield with_(symbols="ORBQ")
    yield with_(kind="gossip")
    yield with_(text="a" * (MAX_MESSAGE_BYTES + 1))
    yield with_(text="b" * 1_500_000)
    yield with_(text="字" * 20_001)
    yield without("text")
    yield without("published_at")
    yield without("source")
    yield lambda place: b"%d" % place
    yield lambda place: b'"a text %d"' % place
    yield lambda place: b"[%d]" % place
    yield lambda _place: b"null"
    yield lambda _place: b""
    yield lambda _place: b" "


def _within(post: RawPost, surge: object) -> bool:
    start_ms, end_ms = surge.start_ms, surge.end_ms  # type: ignore[attr-defined]
    return bool(start_ms <= datetime_ms(post.published_at) < end_ms)


def _line(post: RawPost, **changes: object) -> bytes:
    body = {name: value for name, value in msgspec.structs.asdict(post).items() if value is not None}
    return msgspec.json.encode(body | changes)
