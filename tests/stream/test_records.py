"""Claims about the records: what is taken, what is refused and how the refusal reads."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import RecordRefused
from stream.records import (
    MAX_MESSAGE_BYTES,
    Entity,
    EntitySentiment,
    Marker,
    ModelRef,
    Opinion,
    Sentiment,
    Story,
    TopicScore,
    decode_marker,
    decode_opinion,
    decode_raw_post,
    encode,
)

GOOD: dict[str, object] = {"source": "wire", "published_at": "2026-01-05T09:30:00Z", "text": "Northlake opens a plant."}


def with_field(name: str, raw_json: str) -> bytes:
    """A good post with one field given as JSON text, so that it need not be valid."""
    rest = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in GOOD.items() if key != name)
    return f'{{{rest}, "{name}": {raw_json}}}'.encode()


def refusal(value: bytes) -> RecordRefused:
    with pytest.raises(RecordRefused) as caught:
        decode_raw_post(value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("field", "raw_json"),
    [
        ("source", '""'),
        ("source", "7"),
        ("source", f'"{"s" * 101}"'),
        ("published_at", '"yesterday"'),
        ("published_at", "true"),
        ("published_at", "false"),
        ("published_at", "1767605400"),
        ("published_at", "1e30"),
        ("received_at", "true"),
        ("text", "null"),
        ("text", '""'),
        ("text", f'"{"x" * 200_001}"'),
        ("text", '["a"]'),
        ("id", f'"{"i" * 201}"'),
        ("id", "12"),
        ("kind", '"gossip"'),
        ("followers", "-1"),
        ("followers", "1e30"),
        ("followers", "true"),
        ("is_repost", '"yes"'),
        ("title", f'"{"t" * 1001}"'),
        ("url", f'"{"u" * 2001}"'),
        ("symbols", '"AAPL"'),
        ("symbols", json.dumps(["A"] * 101)),
        ("targets", json.dumps(["A"] * 21)),
    ],
)
def test_a_value_of_the_wrong_type_or_size_is_refused_and_the_field_is_named(field: str, raw_json: str) -> None:
    error = refusal(with_field(field, raw_json))
    assert error.reason == "wrong_type"
    assert f"$.{field}" in str(error)


def test_the_place_inside_a_list_is_named() -> None:
    assert "$.symbols[1]" in str(refusal(with_field("symbols", '["AAPL", 5]')))


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_named(field: str) -> None:
    error = refusal(json.dumps({key: value for key, value in GOOD.items() if key != field}).encode())
    assert error.reason == "wrong_type"
    assert f"`{field}`" in str(error)


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (b"", "undecodable"),
        (b"null", "wrong_type"),
        (b"[]", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"not json", "undecodable"),
        (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "undecodable"),  # a byte order mark
        (b"\xff\xfe" + json.dumps(GOOD).encode("utf-16-le"), "undecodable"),
        (with_field("text", '"') + b"\xff\xfe", "undecodable"),
        (json.dumps(GOOD).encode() + b"{}", "undecodable"),
        (b"[" * 100_000, "wrong_type"),
        (with_field("extra", "[" * 100_000 + "]" * 100_000), "undecodable"),
        (with_field("text", "[" * 100_000 + "]" * 100_000), "wrong_type"),
        (with_field("followers", "NaN"), "undecodable"),
        (with_field("followers", "Infinity"), "undecodable"),
        (with_field("text", r'"\ud800"'), "undecodable"),
        (with_field("text", r'"\udc00\ud800 and more text"'), "undecodable"),
        (with_field("text", f'"{"x" * 300_000}"'), "oversized"),
    ],
    ids=range(17),
)
def test_hostile_bytes_are_refused_and_nothing_crashes(hostile: bytes, reason: str) -> None:
    assert refusal(hostile).reason == reason


@given(st.binary(max_size=200))
def test_any_bytes_are_either_a_post_or_refused(value: bytes) -> None:
    with suppress(RecordRefused):
        decode_raw_post(value)


def test_the_size_limit_is_on_the_message_as_sent() -> None:
    room = MAX_MESSAGE_BYTES - len(with_field("extra", '""'))
    decode_raw_post(with_field("extra", f'"{"x" * room}"'))
    assert refusal(with_field("extra", f'"{"x" * (room + 1)}"')).reason == "oversized"


def test_of_a_key_given_twice_the_last_one_counts() -> None:
    """So does every common JSON reader; a post is refused only where the last one is wrong."""
    assert decode_raw_post(b'{"source": "a", ' + json.dumps(GOOD).encode()[1:]).source == "wire"
    assert refusal(json.dumps(GOOD).encode()[:-1] + b', "source": 5}').reason == "wrong_type"


def test_unknown_fields_are_dropped_and_null_stands_for_absent() -> None:
    post = decode_raw_post(json.dumps({**GOOD, "likes": 3, "title": None, "symbols": None}).encode())
    assert (post.title, post.symbols) == (None, None)


words = st.text(max_size=40)
probability = st.floats(0, 1).map(lambda value: round(value, 4))
label = st.sampled_from(["negative", "neutral", "positive"])
instant = st.just("2026-01-05T09:30:00.000Z")
opinions = st.builds(
    Opinion,
    id=st.text(min_size=1, max_size=20),
    source=words,
    kind=st.sampled_from(["news", "social", "filing", "research"]),
    published_at=instant,
    received_at=instant,
    text=words,
    language=words,
    sentiment=st.builds(
        Sentiment,
        label=label,
        score=st.floats(-1, 1),
        probabilities=st.fixed_dictionaries({"negative": probability, "neutral": probability, "positive": probability}),
    ),
    topics=st.lists(st.builds(TopicScore, id=words, probability=probability), max_size=3).map(tuple),
    story=st.builds(Story, id=words, novelty=probability, size=st.integers(1, 10**6)),
    model=st.builds(ModelRef, id=words, version=words, digest=words),
    classified_at=instant,
    entities=st.lists(
        st.builds(
            Entity,
            symbol=st.none() | words,
            name=st.none() | words,
            market=st.none() | words,
            start=st.none() | st.integers(0, 20_000),
            end=st.none() | st.integers(0, 20_000),
            reason=words,
            confidence=probability,
            sentiment=st.builds(EntitySentiment, label=label, score=st.floats(-1, 1)),
        ),
        max_size=3,
    ).map(tuple),
    title=st.none() | words,
    followers=st.none() | st.integers(0, 2**53),
    is_repost=st.none() | st.booleans(),
    symbols=st.lists(words, max_size=3).map(tuple),
    targets=st.lists(words, max_size=3).map(tuple),
)


@given(opinions)
def test_an_opinion_comes_back_from_its_json_unchanged_and_always_as_the_same_bytes(opinion: Opinion) -> None:
    value = encode(opinion)
    assert decode_opinion(value) == opinion
    assert encode(decode_opinion(value)) == value
    assert json.loads(value)["id"] == opinion.id


def test_an_opinion_with_a_wrong_field_is_refused_with_its_name() -> None:
    with pytest.raises(RecordRefused, match=r"\$\.sentiment\.label"):
        decode_opinion(
            b'{"id": "a", "source": "s", "kind": "news", "published_at": "", "received_at": "", "text": "",'
            b' "language": "en", "sentiment": {"label": "angry"}}'
        )


def test_a_marker_comes_back_and_anything_else_is_refused() -> None:
    assert decode_marker(encode(Marker(1_767_605_400_000))) == Marker(1_767_605_400_000)
    for value in (None, b"", b"{}", b"\xff", b'{"before_ms": "soon"}', b'{"before_ms": 1.5}', b"[" * 100_000):
        with pytest.raises(RecordRefused):
            decode_marker(value)
