"""Claims about the way in for files: ids, pseudonyms, order, and rows kept as they are."""

import json
from pathlib import Path

from stream.cleaning import pseudonym
from stream.files import Row
from stream.ingest import Prepared, prepare, read_history, read_live
from stream.records import decode_raw_post

KEY = b"a key"


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
    assert [row.post_id for row in read_live(path, {}, KEY)] == ["l", None, "e"]
