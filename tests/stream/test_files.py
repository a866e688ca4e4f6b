"""Claims about files of records: all kinds read alike, and a bad row never stops the others."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream.errors import InputError, RecordRefused
from stream.files import Rejects, beside, read_rows
from stream.records import decode_raw_post

POSTS = [
    {"source": "wire", "published_at": "2026-01-05T09:30:00Z", "text": 'Northlake, "the builder",\nopens a plant'},
    {"source": "论坛", "published_at": "2026-01-05T09:31:00Z", "text": "澄湾汽车大跌", "symbols": ["99071.HK", "CWM"]},
    {"source": "wire", "published_at": "2026-01-05T09:32:00Z", "text": "$ORBQ", "followers": 12, "is_repost": True},
]
JSONL = "".join(json.dumps(post, ensure_ascii=False) + "\n" for post in POSTS).encode()
CSV = (
    "source,published_at,text,symbols,followers,is_repost\n"
    'wire,2026-01-05T09:30:00Z,"Northlake, ""the builder"",\nopens a plant",,,\n'
    "论坛,2026-01-05T09:31:00Z,澄湾汽车大跌,99071.HK; CWM,,\n"
    "wire,2026-01-05T09:32:00Z,$ORBQ,,12,true\n"
).encode()


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(POSTS, schema=SCHEMA), sink)
    return sink.getvalue()


SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("published_at", pa.string()),
        ("text", pa.string()),
        ("symbols", pa.list_(pa.string())),
        ("followers", pa.int64()),
        ("is_repost", pa.bool_()),
    ]
)


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("posts.jsonl", JSONL),
        ("posts.jsonl.gz", gzip.compress(JSONL)),
        ("POSTS.JSONL", JSONL.replace(b"\n", b"\r\n")),
        ("gaps.jsonl", JSONL.replace(b"\n", b"\n\n")),
        ("posts.csv", CSV),
        ("excel.csv", b"\xef\xbb\xbf" + CSV),
        ("posts.csv.gz", gzip.compress(CSV)),
        ("posts.parquet", parquet()),
    ],
)
def test_every_kind_of_file_brings_the_same_posts(tmp_path: Path, name: str, content: bytes) -> None:
    posts = [decode_raw_post(row.value) for row in read_rows(written(tmp_path, name, content))]
    assert posts == [decode_raw_post(line) for line in JSONL.splitlines()]


def test_rows_bear_the_number_of_their_line(tmp_path: Path) -> None:
    assert [row.line for row in read_rows(written(tmp_path, "a.jsonl", b"{}\n\n{}\nlast"))] == [1, 3, 4]
    assert [row.line for row in read_rows(written(tmp_path, "a.csv", CSV))] == [3, 4, 5]  # the first has two lines
    assert [row.line for row in read_rows(written(tmp_path, "a.parquet", parquet()))] == [1, 2, 3]


def test_a_table_with_times_of_its_own_brings_them_as_text(tmp_path: Path) -> None:
    at = pa.array([1_767_605_400_000], pa.timestamp("ms", tz="UTC"))
    pq.write_table(pa.table({"source": ["wire"], "published_at": at, "text": ["hi"]}), tmp_path / "t.parquet")
    (row,) = read_rows(tmp_path / "t.parquet")
    assert decode_raw_post(row.value).published_at.timestamp() == 1_767_605_400


def test_a_table_that_holds_followers_as_floats_with_nan_for_missing_is_read(tmp_path: Path) -> None:
    times = ["2026-01-05T09:30:00Z"] * 2
    columns = {"source": ["wire"] * 2, "published_at": times, "text": ["a", "b"], "followers": [12.0, float("nan")]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert [decode_raw_post(row.value).followers for row in read_rows(tmp_path / "t.parquet")] == [12, None]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("posts.xlsx", b"", "unknown kind of file"),
        ("posts.jsonl.gz", b"no gzip", "cannot be read"),
        ("posts.jsonl.gz", gzip.compress(JSONL)[:-12], "cut short"),
        ("posts.jsonl.gz", b"\x1f\x8b\x08\x00" + bytes(20), "cut short"),
        ("posts.parquet", b"no parquet at all", "no Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_of_one_line_that_names_it(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        list(read_rows(written(tmp_path, name, content)))
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent.jsonl", "absent.jsonl.gz", "absent.csv", "absent.parquet", "folder.jsonl"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InputError, match=name):
        list(read_rows(tmp_path / name))


def test_a_row_of_bytes_that_are_no_text_is_kept_as_it_stands_for_its_refusal(tmp_path: Path) -> None:
    rows = list(read_rows(written(tmp_path, "a.csv", CSV + b"wire,2026-01-05T09:33:00Z,caf\xe9,,,\n")))
    assert b"caf\xe9" in rows[3].value
    with pytest.raises(RecordRefused):
        decode_raw_post(rows[3].value)


def test_a_cell_beyond_all_bounds_costs_its_own_row_alone(tmp_path: Path) -> None:
    huge = CSV + b"wire,2026-01-05T09:33:00Z," + b"x" * 300_000 + b",,,\nwire,2026-01-05T09:34:00Z,after,,,\n"
    rows = list(read_rows(written(tmp_path, "a.csv", huge)))
    with pytest.raises(RecordRefused):
        decode_raw_post(rows[3].value)
    assert decode_raw_post(rows[4].value).text == "after"


def test_a_row_with_more_cells_than_the_head_keeps_those_it_names(tmp_path: Path) -> None:
    (row,) = read_rows(written(tmp_path, "a.csv", b"source,published_at,text\nwire,2026-01-05T09:30:00Z,hi,extra,x\n"))
    assert decode_raw_post(row.value).text == "hi"


def test_rejects_say_line_reason_and_raw_row_and_are_made_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "posts.rejects.jsonl"
    with Rejects(path):
        pass
    assert not path.exists()
    with Rejects(path) as rejects:
        rejects.add(3, "undecodable: no", b"caf\xe9 \xe6\xb5\xb7")
        rejects.add(9, "wrong_type: $.text", b"{}", file="b.jsonl")
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert first == {"line": 3, "reason": "undecodable: no", "raw": "caf\\xe9 海"}
    assert second["file"] == "b.jsonl"
    assert rejects.count == 2


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.csv", "o.csv.gz", "o.parquet", "o"])
def test_rejects_lie_beside_the_output(name: str) -> None:
    assert beside(Path("out") / name) == Path("out/o.rejects.jsonl")
