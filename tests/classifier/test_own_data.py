"""Users' own files: three formats, column and label maps, languages, splits; and every bad file said in one line."""

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier import data
from classifier.data import NEGATIVE, NEUTRAL, POSITIVE, OwnFile
from classifier.errors import DataError
from classifier.labels import topic_ids, topics
from classifier.training.rows import rows_of
from tests.classifier.test_evaluate import filler

Rows = Sequence[dict[str, Any]]
NAMES = ("negative", "neutral", "positive")


def many(count: int = 60, labels: Sequence[Any] = NAMES, **more: Any) -> list[dict[str, Any]]:
    return [{"text": f"Harbor Foods item {n}", "sentiment": labels[n % len(labels)], **more} for n in range(count)]


def write_jsonl(folder: Path, rows: Rows) -> Path:
    path = folder / "desk.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def write_packed(folder: Path, rows: Rows) -> Path:
    path = folder / "desk.jsonl.gz"
    path.write_bytes(gzip.compress(write_jsonl(folder, rows).read_bytes()))
    return path


def write_csv(folder: Path, rows: Rows) -> Path:
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)))
    table.writeheader()
    table.writerows(rows)
    path = folder / "desk.csv"
    path.write_bytes(b"\xef\xbb\xbf" + out.getvalue().encode())
    return path


def write_parquet(folder: Path, rows: Rows) -> Path:
    path = folder / "desk.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


FORMATS = (write_jsonl, write_packed, write_csv, write_parquet)


def refusal(file: OwnFile) -> str:
    """What is said of a bad file; always one line."""
    with pytest.raises(DataError) as caught:
        data.read_own(file)
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path: Path, write: Callable[[Path, Rows], Path]) -> None:
    rows = many()
    rows[3]["text"] = 'He said "up, up"\nand away'
    read = data.read_own(OwnFile(write(tmp_path, rows)))
    assert [(row.text, row.allowed) for row in read.examples] == [
        (row["text"], data.SENTIMENT_BITS[row["sentiment"]]) for row in rows
    ]
    (only,) = read.sets
    assert (only.name, only.language, only.licence, only.groups) == ("desk.en", "en", "unstated", data.THREE)
    assert {row.split for row in read.examples} == {"train", "dev"}


@pytest.mark.parametrize("write", FORMATS)
def test_columns_and_labels_go_by_the_users_names(tmp_path: Path, write: Callable[[Path, Rows], Path]) -> None:
    rows = [
        {
            "body": f"note {n}",
            "rating": n % 2,
            "lang": ("en-GB", "Chinese")[n % 2],
            "fold": ("Training", "VAL", "test")[n % 3],
        }
        for n in range(60)
    ]
    columns = {"text": "body", "sentiment": "rating", "language": "lang", "split": "fold"}
    file = OwnFile(write(tmp_path, rows), columns, {"1": "Positive", "0": "负面"}, "notes", "permissive")
    read = data.read_own(file)
    assert [row.allowed for row in read.examples[:2]] == [NEGATIVE, POSITIVE]
    assert [row.data_set.name for row in read.examples[:2]] == ["notes.en", "notes.zh"]
    assert [row.split for row in read.examples[:3]] == ["train", "dev", "test"]
    assert {one.licence for one in read.sets} == {"permissive"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NEGATIVE", NEGATIVE),
        (" Neutral ", NEUTRAL),
        ("负面", NEGATIVE),
        ("消极", NEGATIVE),
        ("中性", NEUTRAL),
        ("正面", POSITIVE),
        ("积极", POSITIVE),
        ("ｐｏｓｉｔｉｖｅ", POSITIVE),
    ],
)
def test_common_names_map_by_themselves(tmp_path: Path, written: str, meant: int) -> None:
    rows = [{"text": "Quarry Metals", "sentiment": written}, *many()]
    assert data.read_own(OwnFile(write_jsonl(tmp_path, rows))).examples[0].allowed == meant


def test_numbers_in_a_table_with_gaps_are_still_whole(tmp_path: Path) -> None:
    rows = [*many(labels=(1, -1)), {"text": "no rating", "sentiment": None}]
    pq.write_table(
        pa.table(
            {
                "text": [row["text"] for row in rows],
                "sentiment": pa.array([row["sentiment"] for row in rows], pa.float64()),
            }
        ),
        tmp_path / "desk.parquet",
    )
    file = OwnFile(tmp_path / "desk.parquet", labels={"1": "positive", "-1": "negative"})
    read = data.read_own(file)
    assert read.sets[0].groups == (NEGATIVE, POSITIVE)
    assert read.skipped == {"no label": 1}


@pytest.mark.parametrize("write", [write_jsonl, write_parquet])
def test_a_missing_number_is_no_label(tmp_path: Path, write: Callable[[Path, Rows], Path]) -> None:
    path = tmp_path / "desk.parquet"
    pq.write_table(pa.table({"text": ["a"] * 60, "sentiment": [1.0, 0.0] * 29 + [float("nan")] * 2}), path)
    assert data.read_own(OwnFile(path, labels={"1": "positive", "0": "neutral"})).skipped == {"no label": 2}


def test_two_labels_are_told_apart_as_two(tmp_path: Path) -> None:
    read = data.read_own(OwnFile(write_jsonl(tmp_path, many(labels=("neutral", "positive")))))
    assert read.sets[0].groups == (NEUTRAL, POSITIVE)
    assert read.sets[0].nameable == NEUTRAL | POSITIVE


def test_topics_go_by_id_and_by_their_names_in_both_languages(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"text": "a", "topics": ["earnings", "Mergers and investments"]},
        {"text": "b", "topics": "央行; EARNINGS"},
        {"text": "c", "topics": "区域；业绩"},
    ]
    rows += [{"text": f"d {n}", "topics": ("earnings", "ipo")[n % 2]} for n in range(60)]
    read = data.read_own(OwnFile(write_jsonl(tmp_path, rows), labels={"区域": "skip"}))
    named = [[topic_ids()[place] for place in row.topics] for row in read.examples[:3]]
    assert named == [["earnings", "mergers"], ["central_banks", "earnings"], ["earnings"]]
    (only,) = read.sets
    assert (only.name, only.task, only.exclusive) == ("desk.en.topics", "topics", False)
    assert {topic_ids()[place] for place in only.topics} == {"earnings", "mergers", "central_banks", "ipo"}


def test_one_topic_a_row_makes_topics_exclusive(tmp_path: Path) -> None:
    rows = [{"text": f"d {n}", "topics": ("earnings", "ipo")[n % 2]} for n in range(60)]
    assert data.read_own(OwnFile(write_csv(tmp_path, rows))).sets[0].exclusive


def test_every_topic_is_found_by_each_of_its_names(tmp_path: Path) -> None:
    rows = [
        {"text": f"{topic.id} {name}", "topics": [name]}
        for topic in topics()
        for name in (topic.id, topic.en, topic.zh)
    ]
    read = data.read_own(OwnFile(write_jsonl(tmp_path, rows)))
    assert [row.topics for row in read.examples] == [(place,) for place in range(len(topics())) for _ in range(3)]


def test_a_file_with_both_teaches_both(tmp_path: Path) -> None:
    rows = [{**row, "topics": ("ipo", "macro")[n % 2]} for n, row in enumerate(many())]
    read = data.read_own(OwnFile(write_jsonl(tmp_path, rows)))
    assert [(one.name, one.task) for one in read.sets] == [("desk.en", "sentiment"), ("desk.en.topics", "topics")]
    assert len(read.examples) == 120


def test_a_file_in_two_languages_becomes_two_sets_that_name_the_same(tmp_path: Path) -> None:
    rows = [*many(labels=("negative", "positive")), {"text": "海港食品中标", "sentiment": "positive"}]
    read = data.read_own(OwnFile(write_jsonl(tmp_path, rows)))
    assert [(one.name, one.language, one.groups) for one in read.sets] == [
        ("desk.en", "en", (NEGATIVE, POSITIVE)),
        ("desk.zh", "zh", (NEGATIVE, POSITIVE)),
    ]
    assert read.examples[-1].data_set is read.sets[1]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("海港食品 Q3 revenue", "zh"),
        ("Harbor Foods (海港) raises its dividend again", "en"),
        ("東京の株価は上がった", "en"),
        ("$HRBR 🚀", "en"),
        ("涨", "zh"),
        ("", "en"),
    ],
)
def test_language_goes_by_script_where_none_is_told(text: str, language: str) -> None:
    assert data.script_language(text) == language


def test_a_language_given_for_the_file_wins(tmp_path: Path) -> None:
    file = OwnFile(write_jsonl(tmp_path, many(language="en")), language="zh-CN")
    assert {row.data_set.language for row in data.read_own(file).examples} == {"zh"}


def test_names_are_marked_where_they_stand_in_the_text(tmp_path: Path) -> None:
    rows = many(target="Foods")
    rows[1]["target"] = "Quarry"
    rows[2]["target"] = ["Harbor", "item"]
    read = data.read_own(OwnFile(write_jsonl(tmp_path, rows)))
    assert [name.text[slice(*name.span)] for name in read.marked[:3]] == ["Foods", "Harbor", "item"]
    assert (read.marked[0].nameable, read.marked[0].allowed) == (data.ANY, NEGATIVE)
    assert len(read.marked) == 60
    assert len(read.examples) == 60


def test_rows_without_text_or_label_are_counted_not_fatal(tmp_path: Path) -> None:
    rows = [*many(), {"text": " \n", "sentiment": "odd"}, {"sentiment": "positive"}, {"text": "https://example.org/1"}]
    rows += [
        {"text": "unsure", "sentiment": None},
        {"text": "unsure", "sentiment": ""},
        {"text": "x", "sentiment": "mixed"},
    ]
    read = data.read_own(OwnFile(write_jsonl(tmp_path, rows), labels={"Mixed": "skip"}))
    assert len(read.examples) == 60
    assert read.skipped == {"no text": 3, "no label": 3}


def test_a_file_without_licence_to_train_is_only_measured_on(tmp_path: Path) -> None:
    read = data.read_own(OwnFile(write_jsonl(tmp_path, many()), licence="no training"))
    assert {row.split for row in read.examples} == {"dev"}


def test_a_dev_part_of_its_own_stays_the_only_one(tmp_path: Path) -> None:
    rows = [{**row, "split": "dev" if n < 5 else None} for n, row in enumerate(many(400))]
    read = data.read_own(OwnFile(write_jsonl(tmp_path, rows)))
    assert [row.split for row in read.examples].count("dev") == 5


@given(
    st.permutations(range(60)),
    st.sampled_from(["en", "zh"]),
    st.lists(st.sampled_from(NAMES), min_size=58, max_size=58),
)
def test_the_hash_split_depends_on_the_text_alone(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], language: str, labels: list[str]
) -> None:
    rows = many(labels=["negative", "positive", *labels])
    path = write_jsonl(tmp_path_factory.mktemp("own"), [rows[place] for place in order])
    read = data.read_own(OwnFile(path, language=language))
    assert {row.key: row.split for row in read.examples} == {
        key: "dev" if data.held_out(key) else "train" for key in (data.text_key(row["text"]) for row in rows)
    }


# What is wrong with a file


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "does not exist; give the path" in refusal(OwnFile(tmp_path / "none.csv"))


def test_a_folder_or_a_strange_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    assert "cannot be read" in refusal(OwnFile(tmp_path / "rows.csv"))
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    assert "unknown kind; give a .jsonl, .csv" in refusal(OwnFile(tmp_path / "rows.xlsx"))


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl", b""), ("a.jsonl", b"\n \n"), ("a.csv", b""), ("a.csv", b"text,sentiment\n")]
)
def test_a_file_without_rows(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert "holds no rows" in refusal(OwnFile(tmp_path / name))


def test_an_empty_parquet_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert "holds no rows" in refusal(OwnFile(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"text": "a"}\n{"text": "b"\n', "line 2 is not a JSON object"),
        ("a.jsonl", b'\n{"text": "a"}\n[1]\n', "line 3 is not a JSON object"),
        ("a.jsonl", b'{"text": "a\xff"}\n', "line 1 is not a JSON object"),
        ("a.jsonl.gz", b'{"text": "a"}\n', "no gzip file"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 99)[:-12], "cut short"),
        ("a.csv", b"text,sentiment\na,negative\nup, up,positive\n", "line 3 has 3 cells under 2 columns"),
        ("a.csv", b'text,sentiment\n"a\nb",negative\n"open,positive\nc,neutral\n', "line 4 is not CSV"),
        ("a.csv", "text,sentiment\n涨,positive\n".encode("gb18030"), "line 2 is not UTF-8; save the file as UTF-8"),
        ("a.csv", "text,sentiment\n".encode("utf-16"), "line 1 is not UTF-8"),
        ("a.parquet", b"PAR1 and nothing else", "no Parquet file"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_named_with_the_line(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in refusal(OwnFile(tmp_path / name))


def test_a_column_that_is_absent_names_the_nearest_first(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [{"id": 1, "headline": "a", "bodytext": "b", "mood": "positive"}])
    said = refusal(OwnFile(path, {"text": "body_text", "sentiment": "mood"}))
    assert "has no column 'body_text'; it has bodytext, " in said
    assert said.endswith("--column text=NAME")


def test_columns_are_asked_for_where_none_is_named_like_a_role(tmp_path: Path) -> None:
    assert "no column 'text'; it has sentiment, t: name" in refusal(
        OwnFile(write_csv(tmp_path, [{"t": "a", "sentiment": "x"}]))
    )
    assert "no column 'sentiment'; it has text" in refusal(OwnFile(write_csv(tmp_path, [{"text": "a"}])))


def test_a_map_that_lacks_a_column_or_names_a_strange_role(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, many())
    assert "--column text=NAME" in refusal(OwnFile(path, {"sentiment": "sentiment"}))
    assert "--column sentiment=NAME" in refusal(OwnFile(path, {"text": "text"}))
    assert "no column can be 'label'; it can be text, sentiment" in refusal(
        OwnFile(path, {"text": "text", "label": "x"})
    )


def test_many_columns_stay_one_line(tmp_path: Path) -> None:
    said = refusal(OwnFile(write_csv(tmp_path, [{f"c{n}": n for n in range(100)} | {"a\nb": 1}])))
    assert "and 89 more" in said


def test_an_unknown_label_is_named_with_its_first_line_and_the_way_out(tmp_path: Path) -> None:
    rows = many()
    rows[6]["sentiment"] = rows[9]["sentiment"] = "very bad"
    said = refusal(OwnFile(write_jsonl(tmp_path, rows)))
    assert "desk.jsonl line 7: unknown sentiment 'very bad'; known are negative, neutral, positive" in said
    assert "--label 'very bad=negative'" in said
    assert "--label 'very bad=skip'" in said
    rows[6]["sentiment"] = 7
    assert "--label 7=negative" in refusal(OwnFile(write_jsonl(tmp_path, rows)))


def test_other_unknown_labels_are_named_at_once(tmp_path: Path) -> None:
    said = refusal(OwnFile(write_jsonl(tmp_path, many(labels=["bull", "bear", "flat", "positive"]))))
    assert "line 1: unknown sentiment 'bull'" in said
    assert said.endswith("unknown are also 'bear', 'flat'")
    said = refusal(OwnFile(write_jsonl(tmp_path, many(labels=[f"text {n}" for n in range(60)]))))
    assert said.endswith("'text 9' and more")


def test_an_unknown_topic_names_the_nearest_first(tmp_path: Path) -> None:
    said = refusal(OwnFile(write_jsonl(tmp_path, [{"text": "a", "topics": ["earning"]}])))
    assert "line 1: unknown topic 'earning'; known are earnings, " in said
    assert "--label earning=TOPIC" in said
    assert all(name in said for name in topic_ids())


def test_a_label_map_to_nowhere(tmp_path: Path) -> None:
    said = refusal(OwnFile(write_jsonl(tmp_path, many()), labels={"bullish": "positve"}))
    assert "label 'bullish' is mapped to 'positve', which is none of positive, " in said


def test_one_class_only(tmp_path: Path) -> None:
    assert "every row carries the same sentiment" in refusal(OwnFile(write_jsonl(tmp_path, many(labels=["neutral"]))))
    rows = [{"text": f"a {n}", "topics": "ipo"} for n in range(60)]
    assert "every row carries the same topic;" in refusal(OwnFile(write_jsonl(tmp_path, rows)))


def test_too_few_usable_rows(tmp_path: Path) -> None:
    rows = [*many(49), {"text": "", "sentiment": "neutral"}, {"text": "a", "sentiment": None}]
    said = refusal(OwnFile(write_jsonl(tmp_path, rows)))
    assert (
        "holds 49 usable rows with sentiment (1 skipped with no label, 1 skipped with no text); give at least 50"
        in said
    )
    rows = [{**row, "topics": "ipo" if n < 3 else None} for n, row in enumerate(many())]
    assert "holds 3 usable rows with topics" in refusal(OwnFile(write_jsonl(tmp_path, rows)))


def test_a_text_that_is_a_number_means_the_wrong_column(tmp_path: Path) -> None:
    said = refusal(OwnFile(write_jsonl(tmp_path, [{"text": 7, "sentiment": "neutral"}])))
    assert "line 1: the text is no text but 7; name another column by --column text=NAME" in said


def test_an_unknown_split_or_licence(tmp_path: Path) -> None:
    said = refusal(OwnFile(write_csv(tmp_path, many(split="fold 3"))))
    assert "line 2: unknown split 'fold 3'; write train, dev or test" in said
    assert "unknown licence 'MIT'" in refusal(OwnFile(write_csv(tmp_path, many()), licence="MIT"))


@given(st.binary(max_size=200), st.sampled_from(["a.jsonl", "a.jsonl.gz", "a.csv", "a.parquet"]))
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("own") / name
    path.write_bytes(content)
    with pytest.raises(DataError):
        data.read_own(OwnFile(path))


CELLS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.lists(st.text(max_size=4), max_size=3)
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(data.ROLES, CELLS)), max_size=5))
def test_no_row_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> None:
    path = write_jsonl(tmp_path_factory.mktemp("own"), rows)
    assert refusal(OwnFile(path))


# The one door


def test_known_sets_and_own_files_come_through_one_door(tmp_path: Path) -> None:
    known = tmp_path / "sentiment" / "en_sentfin.jsonl"
    known.parent.mkdir()
    entities = [{"entity": "Quarry", "label": "positive"}]
    known.write_bytes(
        msgspec.json.encode({"text": "Quarry up", "sentiment": "positive", "split": "train", "entities": entities})
    )
    own = OwnFile(write_jsonl(tmp_path, [*many(target="Foods"), {"text": "海港食品", "sentiment": "neutral"}]))
    everything = data.load(tmp_path, [own])
    assert [one.name for one in everything.sets] == ["en_sentfin", "desk.en", "desk.zh"]
    assert (len(everything.examples), len(everything.marked)) == (62, 61)
    assert everything.skipped == {str(own.path): {}}
    assert [row.text for row in data.load(tmp_path, [own], "zh").examples] == ["海港食品"]
    assert data.load(tmp_path).examples == data.read(tmp_path, everything.sets[0])
    assert len(data.load(None, [own]).examples) == 61


def test_the_door_refuses_nothing_at_all_and_two_files_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data is given"):
        data.load(None)
    own = OwnFile(write_jsonl(tmp_path, many()))
    with pytest.raises(DataError, match=r"a set desk\.en: .* another name"):
        data.load(None, [own, own])


def test_training_rows_come_from_own_files_alone_if_wished(tmp_path: Path) -> None:
    rows = [
        {**row, "text": f"{row['text']} {filler(str(n))}", "topics": ("ipo", "macro")[n % 2], "target": "Foods"}
        for n, row in enumerate(many())
    ]
    held = sum(data.held_out(data.text_key(row["text"])) for row in rows)
    found = rows_of(None, "en", 0, 1, [OwnFile(write_jsonl(tmp_path, rows))])
    assert {row.group for row in found} == {"desk.en", "desk.en.topics", "desk.en_names"}
    assert len(found) == 3 * (60 - held)
    topical = next(row for row in found if row.group == "desk.en.topics")
    sure = {topic_ids()[place] for place, weight in topical.topic_weights if weight == 1.0}
    assert sure == {"ipo", "macro"}, "topics that do not occur in the file are not taught as absent"
