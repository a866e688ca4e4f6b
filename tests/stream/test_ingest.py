"""Claims about the way in for files: ids, pseudonyms, order, and rows kept as they are."""

import json
from pathlib import Path

import pytest

from stream.cleaning import pseudonym
from stream.files import Row
from stream.ingest import Prepared, prepare, read_history, read_live
from stream.records import decode_raw_post
from tests.end_to_end.history import bad_rows

KEY = b"a key"
NOW_MS = 1_767_607_200_000  # 2026-01-05T10:00Z


def line(text: str, minute: int = 0, **fields: object) -> bytes:
    return json.dumps(
        {"source": "wire", "published_at": f"2026-01-05T09:{minute:02d}:00Z", "text": text, **fields}
    ).encode()


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_an_authors_name_leaves_only_as_its_pseudonym() -> None:
    prepared = prepare(Row(1, line("hello", author="Alice Example")), {}, KEY)
    assert b"Alice" not in prepared.value
    assert decode_raw_post(prepared.value).author == pseudonym("Alice Example", KEY)
    assert decode_raw_post(prepare(Row(1, line("hello")), {}, KEY).value).author is None


def test_a_post_without_an_id_gets_the_same_one_each_time() -> None:
    first, second = (prepare(Row(number, line("hello")), {}, KEY) for number in (1, 2))
    assert first.post_id == second.post_id == decode_raw_post(first.value).id
    assert prepare(Row(1, line("hello", id="own")), {}, KEY).post_id == "own"


def test_a_row_that_cannot_be_decoded_stays_as_it_is_with_the_reason() -> None:
    prepared = prepare(Row(4, b'{"text": 5}'), {}, KEY)
    assert (prepared.post_id, prepared.value, prepared.line) == (None, b'{"text": 5}', 4)
    assert prepared.reason
    assert prepared.reason.startswith("wrong_type: ")


def test_preparing_loses_no_field() -> None:
    whole = line(
        "hello", title="T", lang="en", url="https://x.example", followers=3, is_repost=False, symbols=["A"],
        kind="news", targets=["B"], received_at="2026-01-05T10:00:00Z", native_id="n",
    )  # fmt: skip
    before, after = decode_raw_post(whole), decode_raw_post(prepare(Row(1, whole), {}, KEY).value)
    assert after.id is not None
    assert {f: getattr(after, f) for f in after.__struct_fields__ if f != "id"} == {
        f: getattr(before, f) for f in before.__struct_fields__ if f != "id"
    }


def test_history_comes_in_the_order_of_received_time_and_id_over_all_files(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "a.jsonl", line("late", 9, id="l"), line("tie", 5, id="b"), b"broken"),
        write(tmp_path / "b.jsonl", line("early", 1, id="e"), line("tie", 5, id="a"), b"{}"),
    ]
    refused: list[tuple[str, Prepared]] = []
    rows = read_history(files, {}, KEY, lambda path, row: refused.append((path.name, row)))
    assert [row.post_id for row in rows] == ["e", "a", "b", "l"]
    assert [(name, row.line) for name, row in refused] == [("a.jsonl", 3), ("b.jsonl", 3)]


def test_live_rows_keep_the_order_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", line("late", 9, id="l"), b"broken", line("early", 1, id="e"))
    assert [row.post_id for row in read_live(path, {}, KEY, lambda: NOW_MS)] == ["l", None, "e"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (line(" \u200b ", author="Alice"), "empty_text"),
        (line("字" * 20_001), "oversized"),
        (line("hello", author="Alice", minute=10).replace(b"T09:10", b"T10:11"), "future_dated"),
    ],
)
def test_a_live_row_that_will_be_refused_stays_as_it_is_byte_for_byte(row: bytes, reason: str) -> None:
    prepared = prepare(Row(1, row), {}, KEY, NOW_MS)
    assert (prepared.post_id, prepared.value) == (None, row)
    assert (prepared.reason or "").startswith(reason)


def test_a_live_row_that_the_broker_may_still_take_hides_its_author() -> None:
    soon = line("hello", author="Alice Example").replace(b"T09:00", b"T10:09")
    assert b"Alice" not in prepare(Row(1, soon), {}, KEY, NOW_MS).value


def test_history_published_after_it_was_received_is_refused() -> None:
    row = line("hello", minute=30, received_at="2026-01-05T09:24:59Z")
    assert (prepare(Row(1, row), {}, KEY).reason or "").startswith("future_dated")


def test_bad_rows_of_all_kinds_stay_as_they_are_byte_for_byte() -> None:
    rows = bad_rows(100, seed=2)
    prepared = [prepare(Row(1, row), {}, KEY, NOW_MS) for row in rows]
    assert [(row.post_id, row.value) for row in prepared] == [(None, row) for row in rows]
