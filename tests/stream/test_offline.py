"""Claims about `groundswell classify`: order, rejects, exit codes, as a process and as a function."""

import gzip
import json
from pathlib import Path

import pytest

from stream.errors import InputError
from stream.offline import BATCH, classify_file
from stream.records import decode_opinion
from tests.shell import groundswell
from tests.stream.word_classifier import WordClassifier

REPOSITORY = Path(__file__).resolve().parents[2]


def line(number: int, text: str = "quiet") -> str:
    return json.dumps({"source": "wire", "id": str(number), "published_at": "2026-01-05T09:30:00Z", "text": text})


def test_opinions_come_in_the_order_of_the_posts_over_many_batches(tmp_path: Path) -> None:
    source, out = tmp_path / "posts.jsonl", tmp_path / "opinions.jsonl.gz"
    count = 2 * BATCH + 7
    rows = [
        line(number, "poison" if number == BATCH + 3 else "bad" if number % 2 else "good") for number in range(count)
    ]
    source.write_text("\n".join(["not json", *rows]), encoding="utf-8")
    told: list[int] = []
    summary = classify_file(
        source, out, WordClassifier(), {}, tmp_path / "no.jsonl", lambda done, _of: told.append(done)
    )
    opinions = [decode_opinion(row) for row in gzip.decompress(out.read_bytes()).splitlines()]
    assert [opinion.id for opinion in opinions] == [str(number) for number in range(count) if number != BATCH + 3]
    assert {opinion.sentiment.label for opinion in opinions} == {"negative", "positive"}
    assert summary == {"opinions": count - 1, "rejected": 2, "rejects": str(tmp_path / "no.jsonl")}
    rejects = [json.loads(row) for row in (tmp_path / "no.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["line"] for row in rejects] == [1, BATCH + 5]
    assert rejects[0]["raw"] == "not json"
    assert told[-1] == count + 1


def test_where_nothing_can_be_used_the_error_says_how_many_and_where(tmp_path: Path) -> None:
    source = tmp_path / "posts.jsonl"
    source.write_text("a\nb\n")
    with pytest.raises(InputError, match=r"nothing usable in .*posts\.jsonl: 2 rows rejected, see .*no\.jsonl"):
        classify_file(source, tmp_path / "o", WordClassifier(), {}, tmp_path / "no.jsonl", lambda _done, _of: None)


def test_some_bad_rows_are_no_failure(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text("\n".join([line(1), "broken", line(2)]))
    done = groundswell("classify", "-i", "posts.jsonl", "-o", "out.jsonl", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "opinions": 2,
        "rejected": 1,
        "rejects": "out.rejects.jsonl",
    }
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2
    (reject,) = (tmp_path / "out.rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["line"] == 2


@pytest.mark.parametrize(("name", "content"), [("posts.jsonl", "broken\n"), ("posts.csv", ""), ("posts.xml", "<a/>")])
def test_nothing_usable_is_exit_code_1_and_one_line(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    done = groundswell("classify", "-i", name, "-o", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("groundswell: ")
    assert done.stderr.count("\n") == 1


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    for wrong in (["classify"], ["classify", "-i", "a", "-o", "b", "--frobnicate"], ["clasify"]):
        assert groundswell(*wrong, cwd=tmp_path).returncode == 2


def test_a_pipe_gets_opinions_on_stdout_and_the_summary_on_stderr(tmp_path: Path) -> None:
    done = groundswell("classify", "-i", "-", "-o", "-", cwd=tmp_path, stdin=line(1) + "\n" + line(2) + "\n")
    assert done.returncode == 0
    assert [decode_opinion(row.encode()).id for row in done.stdout.splitlines()] == ["1", "2"]
    assert done.stderr == "2 opinions, 0 rejected\n"


def test_an_unknown_setting_is_one_line_that_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "groundswell.toml").write_text("shard = 2\n")
    done = groundswell("classify", "-i", "a.jsonl", "-o", "b.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "groundswell: unknown setting 'shard'; did you mean 'shards'?\n")


def test_a_file_is_never_written_over_itself(tmp_path: Path) -> None:
    posts = tmp_path / "posts.jsonl"
    posts.write_text(line(1) + "\n")
    with pytest.raises(InputError, match="is the input too"):
        classify_file(posts, posts, WordClassifier(), {}, tmp_path / "rejects.jsonl", lambda _done, _of: None)
    assert posts.read_text() == line(1) + "\n"
