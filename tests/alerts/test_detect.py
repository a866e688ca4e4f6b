"""Claims about scoring a table of counts: order, causality, refused rows, formats. All counts are invented."""

import csv
import datetime as dt
import gzip
import io
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detect import HEADER, Summary, detect
from alerts.errors import BudgetError, CalendarError, CountsError
from tests.examples import examples

MONDAY = np.datetime64("2026-01-05T00:00:00")
HEAD = "series,bucket_start,total,negative"


def stamp(bucket: int, minutes: int = 15) -> str:
    return f"{MONDAY + np.timedelta64(bucket * minutes, 'm')}Z"


def write(folder: Path, lines: list[str], name: str = "counts.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    return path


def run(path: Path, **options: object) -> tuple[Summary, list[dict[str, str]]]:
    out = path.with_name("scores.csv")
    summary = detect(path, out, **options)  # type: ignore[arg-type]
    with out.open(newline="", encoding="utf-8") as file:
        return summary, list(csv.DictReader(file))


def refused(folder: Path) -> list[tuple[int, str, str]]:
    lines = (folder / "scores.rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [(r["line"], r["reason"], r["raw"]) for r in map(json.loads, lines)]


def surge_lines(series: str = "acme", calm: int = 400) -> list[str]:
    """Two votes of ten negative, then an hour of forty in fifty, then a day of calm."""
    rng = np.random.default_rng(5)
    counts = [(10, int(k)) for k in rng.binomial(10, 0.2, calm)] + [(50, 40)] * 4 + [(10, 2)] * 96
    return [f"{series},{stamp(i)},{total},{negative}" for i, (total, negative) in enumerate(counts)]


def test_a_surge_fires_then_resolves_and_the_rows_keep_their_order(tmp_path: Path) -> None:
    lines = surge_lines()
    summary, rows = run(write(tmp_path, lines), budget=0.02)
    assert tuple(rows[0]) == HEADER
    assert [f"{r['series']},{r['bucket_start']},{r['total']},{r['negative']}" for r in rows] == lines
    events = [(i, r["event"]) for i, r in enumerate(rows) if r["event"] and i >= 200]  # it has learnt by then
    assert events[0] == (400, "fire")
    assert events[-1][1] == "resolve"
    assert {r["severity"] for r in rows if not r["event"]} == {""}
    assert (summary.rows, summary.rejected, summary.series) == (500, 0, 1)
    assert summary.fired == sum(r["event"] == "fire" for r in rows)
    assert summary.bucket_s == 900
    assert not (tmp_path / "scores.rejects.jsonl").exists()


def test_a_table_by_an_exchange_expects_little_on_its_holiday_and_otherwise_what_it_says_by_default(
    tmp_path: Path,
) -> None:
    weekday = [20 if index // 96 % 7 < 5 else 2 for index in range(96 * 56)]  # Thanksgiving is day 52 from 2026-10-05
    first = np.datetime64("2026-10-05T00:00:00")
    stamps = [f"{first + np.timedelta64(15 * index, 'm')}Z" for index in range(len(weekday))]
    lines = [f"acme,{at},{said},{said // 5}" for at, said in zip(stamps, weekday, strict=True)]
    path = write(tmp_path, lines)
    plain, new_york = run(path)[1], run(path, calendar="XNYS")[1]
    morning = 96 * 52 + 23  # 0:45 in New York
    expected = [float(rows[morning]["expected"]) for rows in (plain, new_york)]
    assert expected[1] < expected[0] / 2
    assert [row["total"] for row in new_york] == [row["total"] for row in plain]
    assert run(path, calendar="")[1] == plain


def test_an_exchange_that_is_not_known_is_refused_before_the_table_is_read(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match="unknown calendar 'XNOWHERE'"):
        run(tmp_path / "absent.csv", calendar="XNOWHERE")


def test_a_smaller_budget_asks_for_a_higher_score(tmp_path: Path) -> None:
    path = write(tmp_path, surge_lines())
    assert run(path, budget=0.05)[0].threshold > run(path, budget=0.25)[0].threshold


@examples(40)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.integers(0, 30), st.integers(0, 30)),
        min_size=2,
        max_size=60,
    ),
    st.data(),
)
def test_a_file_cut_short_gives_the_same_rows_up_to_the_cut(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, int, int, int]], data: st.DataObject
) -> None:
    clock = dict.fromkeys("abc", 0)
    lines = []
    for series, step, negatives, others in drawn:  # steps of 2 and 3 are gaps
        clock[series] += step
        lines.append(f"{series},{stamp(clock[series])},{negatives + others},{negatives}")
    cut = data.draw(st.integers(1, len(lines)))
    folder = tmp_path_factory.mktemp("cut")
    whole = run(write(folder, lines), bucket_s=900)[1]
    assert run(write(folder, lines[:cut]), bucket_s=900)[1] == whole[:cut]


def test_a_regular_file_cut_anywhere_gives_the_same_rows_without_being_told_the_width(tmp_path: Path) -> None:
    lines = [line for pair in zip(surge_lines("a"), surge_lines("b"), strict=True) for line in pair]
    whole = run(write(tmp_path, lines))[1]
    for cut in (1, 2, 3, 401, 805, 999):
        assert run(write(tmp_path, lines[:cut]))[1] == whole[:cut]


def test_series_may_be_interleaved_or_one_after_the_other(tmp_path: Path) -> None:
    a, b = surge_lines("a", 40), surge_lines("b", 30)
    after = run(write(tmp_path, a + b))[1]
    mixed = run(write(tmp_path, sorted(a + b, key=lambda line: line.split(",")[1])))[1]
    assert sorted(map(str, mixed)) == sorted(map(str, after))


@pytest.mark.parametrize("minutes", [5, 15])
def test_a_series_alone_and_among_two_hundred_gives_the_same_rows(tmp_path: Path, minutes: int) -> None:
    rng = np.random.default_rng(minutes)
    buckets = 26 * 60 // minutes
    totals = rng.poisson(np.geomspace(0.1, 20, 201) * minutes / 15, (buckets, 201))
    share = np.where((np.arange(buckets) >= buckets - 60 // minutes)[:, None], 0.7, 0.2)  # an hour of surges at the end
    negatives = rng.binomial(totals, share)
    lines = [
        f"S{series},{stamp(i, minutes)},{totals[i, series]},{negatives[i, series]}"
        for i in range(buckets)
        for series in range(201)
    ]
    together = run(write(tmp_path, lines))[1]
    assert {row["series"] for row in together if row["event"] == "fire"}.issuperset({"S200"})
    for series in (0, 50, 100, 200):
        alone = run(write(tmp_path, lines[series::201], "alone.csv"))[1]
        assert alone == together[series::201]


def test_every_unusable_row_is_named_with_its_line_and_stops_nothing(tmp_path: Path) -> None:
    bad = {
        "acme,2026-01-05T09:30:00,5,1": "no offset",
        "acme,yesterday,5,1": "RFC 3339",
        f"acme,{stamp(1)},5,6": "exceeds total",
        f"acme,{stamp(1)},-5,-6": "expected 0 to",
        f"acme,{stamp(1)},nan,0": "expected 0 to",
        f"acme,{stamp(1)},5,many": "negative is not a number",
        f"acme,{stamp(1)},inf,0": "expected 0 to",
        f"acme,{stamp(1)},5": "3 cells",
        f" ,{stamp(1)},5,1": "series is empty",
        f"acme,{stamp(0)},5,1": "not after",
        f'"acme,{stamp(1)},5,1': "not a CSV row",
        "acme,0001-01-01T00:00:00+14:00,5,1": "calendar",
    }
    path = write(tmp_path, [f"acme,{stamp(0)},5,1", "", *bad, f"acme,{stamp(1)},5,1"])
    summary, rows = run(path)
    assert [r["bucket_start"] for r in rows] == [stamp(0), stamp(1)]
    found = refused(tmp_path)
    assert summary.rejected == len(bad) == len(found)
    for number, (line, reason, raw) in enumerate(found):
        assert line == number + 4
        assert raw == list(bad)[number]
        assert bad[raw] in reason


@pytest.mark.parametrize(("common", "other"), [(15, 5), (5, 15), (15, 60)])
def test_widths_that_are_mixed_are_one_line_that_names_the_series(tmp_path: Path, common: int, other: int) -> None:
    lines = [f"a,{stamp(i, common)},5,1" for i in range(300)] + [f"b,{stamp(i, other)},5,1" for i in range(100)]
    with pytest.raises(CountsError, match=f"b has a row every {other * 60} s, where {common * 60} s are") as error:
        run(write(tmp_path, lines))
    assert "\n" not in str(error.value)


def test_history_of_another_width_is_refused_by_its_name(tmp_path: Path) -> None:
    hourly = write(tmp_path, [f"a,{stamp(i, 60)},5,1" for i in range(48)], "hourly.csv")
    now = write(tmp_path, [f"a,{stamp(192 + i)},5,1" for i in range(96)])
    with pytest.raises(CountsError, match=r"hourly.csv: mixes widths of buckets"):
        run(now, warm_up=hourly)


def test_a_bucket_off_the_series_grid_is_refused_and_changes_no_other_row(tmp_path: Path) -> None:
    lines = surge_lines(calm=50)
    odd = [*lines[:30], f"acme,{stamp(88, 5)},9,9", *lines[30:]]
    assert run(write(tmp_path, odd))[1] == run(write(tmp_path, lines, "even.csv"))[1]
    run(write(tmp_path, odd))
    assert refused(tmp_path) == [
        (32, "bucket_start is no whole number of 900 s after the series' first", "acme,2026-01-05T07:20:00Z,9,9")
    ]


def test_rows_that_are_missing_are_a_gap_and_not_silence(tmp_path: Path) -> None:
    lines = surge_lines()
    week = 7 * 96
    later = [line.replace(stamp(i), stamp(i + week)) for i, line in enumerate(lines)]
    whole, gap = run(write(tmp_path, lines))[1], run(write(tmp_path, [*lines[:300], *later[300:]]))[1]
    assert [row["score"] for row in gap] == [row["score"] for row in whole]
    assert [row["event"] for row in gap] == [row["event"] for row in whole]
    silent = [f"acme,{stamp(i)},0,0" for i in range(300, 300 + week)]
    assert run(write(tmp_path, [*lines[:300], *silent, *later[300:]]))[1][-200]["expected"] != gap[-200]["expected"]


def test_bytes_that_are_not_utf8_are_refused_and_shown_escaped(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(f"{HEAD}\nacme,{stamp(0)},5,1\n".encode() + b"\xff\xfe," + f"{stamp(0)},5,1\n".encode())
    assert run(path)[0].rejected == 1
    assert refused(tmp_path) == [(3, "series is not UTF-8", f"\\xff\\xfe,{stamp(0)},5,1")]


def test_what_an_earlier_run_refused_does_not_stay_behind(tmp_path: Path) -> None:
    run(write(tmp_path, [f"acme,{stamp(0)},5,1", "x"]))
    assert (tmp_path / "scores.rejects.jsonl").exists()
    run(write(tmp_path, [f"acme,{stamp(0)},5,1"]))
    assert not (tmp_path / "scores.rejects.jsonl").exists()


def test_rejects_go_where_they_are_asked_to(tmp_path: Path) -> None:
    asked = tmp_path / "refused.jsonl"
    assert run(write(tmp_path, [f"acme,{stamp(0)},5,1"]), rejects=asked)[0].rejects == str(asked)
    assert asked.read_bytes() == b""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty; expected the columns series,bucket_start,total,negative"),
        (
            "name,when\na,b\n",
            "no column series, bucket_start, total, negative; expected the columns series,bucket_start",
        ),
        ('{"name": "a"}\n', "none of 1 rows is usable (line 1: has no series"),
        (f"{HEAD}\na,b,c,d\n", "none of 1 rows is usable (line 2: bucket_start is not"),
    ],
)
def test_a_file_of_another_kind_is_one_line_that_names_what_was_expected(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(content)
    with pytest.raises(CountsError) as error:
        run(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["missing.csv", "broken.csv.gz", "broken.parquet"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str) -> None:
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"not what the name says")
    with pytest.raises(CountsError, match="cannot be read") as error:
        run(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_folder_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CountsError, match="cannot be written"):
        detect(write(tmp_path, [f"acme,{stamp(0)},5,1"]), tmp_path / "nowhere" / "scores.csv")


def test_a_table_with_no_rows_gives_a_table_with_no_rows(tmp_path: Path) -> None:
    summary, rows = run(write(tmp_path, []))
    assert (summary.rows, rows) == (0, [])


def test_a_budget_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BudgetError):
        run(write(tmp_path, []), budget=0)


def test_all_formats_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = surge_lines(calm=50)
    records = [
        {"series": s, "bucket_start": t, "total": int(n), "negative": int(k)}
        for s, t, n, k in (line.split(",") for line in lines)
    ]
    plain = write(tmp_path, lines)
    text = plain.read_bytes()
    objects = "\n".join(json.dumps(record) for record in records).encode()
    expected = run(plain)[1]
    (tmp_path / "counts.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "marked.csv").write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    (tmp_path / "counts.jsonl").write_bytes(objects)
    (tmp_path / "counts.jsonl.gz").write_bytes(gzip.compress(objects))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "counts.parquet")
    times = pa.array([dt.datetime.fromisoformat(line.split(",")[1]) for line in lines], pa.timestamp("ms", "UTC"))
    pq.write_table(pa.Table.from_pylist(records).set_column(1, "bucket_start", times), tmp_path / "with_times.parquet")
    for name in ("counts.csv.gz", "marked.csv", "counts.jsonl", "counts.jsonl.gz", "counts.parquet"):
        assert run(tmp_path / name)[1] == expected, name
    assert run(tmp_path / "with_times.parquet")[1] == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    detect(Path("-"), tmp_path / "piped.csv")
    assert (tmp_path / "piped.csv").read_bytes() == (tmp_path / "scores.csv").read_bytes()


def test_parquet_times_without_a_zone_are_refused(tmp_path: Path) -> None:
    rows = {"series": ["a"], "bucket_start": [MONDAY], "total": [5], "negative": [1]}
    pq.write_table(pa.table(rows), tmp_path / "counts.parquet")
    with pytest.raises(CountsError, match="no offset"):
        run(tmp_path / "counts.parquet")


def test_times_are_written_in_utc_whatever_their_offset(tmp_path: Path) -> None:
    path = write(tmp_path, ["a,2026-01-05T17:30:00+08:00,5,1", "a,2026-01-05T09:45:00.000Z,5,1"])
    assert [r["bucket_start"] for r in run(path)[1]] == ["2026-01-05T09:30:00Z", "2026-01-05T09:45:00Z"]


def test_volume_needs_no_negatives_and_fires_on_a_rise_of_talk(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    counts = [*rng.poisson(30, 600).tolist(), *[150] * 6]
    lines = [f"acme,{stamp(i, 5)},{n}" for i, n in enumerate(counts)]
    path = tmp_path / "counts.csv"
    path.write_text("\n".join(["series,bucket_start,total", *lines]))
    summary, rows = run(path, measure="volume")
    assert summary.bucket_s == 300
    assert rows[600]["event"] == "fire"
    assert {row["negative"] for row in rows} == {""}
    with pytest.raises(CountsError, match="no column negative"):
        run(path)


def test_history_is_learnt_from_and_changes_no_row_that_it_does_not_precede(tmp_path: Path) -> None:
    lines = surge_lines()
    past, now = write(tmp_path, lines[:380], "past.csv"), write(tmp_path, lines[380:], "now.csv")
    cold, warm = run(now)[1], run(now, warm_up=past)
    whole = run(write(tmp_path, lines))[1]
    assert [r["score"] for r in warm[1]] == [r["score"] for r in whole[380:]]
    assert [r["event"] for r in cold if r["event"]] == []
    assert [i for i, r in enumerate(warm[1]) if r["event"] == "fire"] == [20]
    assert (warm[0].warmed, warm[0].rows, warm[0].learning) == (380, 120, 0)


def test_history_that_comes_later_is_left_alone(tmp_path: Path) -> None:
    lines = surge_lines()
    later = write(tmp_path, lines[200:] + [line.replace("acme", "other") for line in lines], "later.csv")
    now = write(tmp_path, lines[:200], "now.csv")
    summary, rows = run(now, warm_up=later)
    assert (summary.warmed, summary.series) == (0, 1)
    assert rows == run(now)[1]


def test_a_series_that_is_new_fires_nothing_for_a_day_and_says_until_when(tmp_path: Path) -> None:
    summary, rows = run(write(tmp_path, surge_lines(calm=60)[:80]))
    assert {row["event"] for row in rows} == {""}
    assert (summary.learning, summary.learning_until) == (1, "2026-01-06T00:00:00Z")
    assert run(write(tmp_path, surge_lines(calm=110)))[0].fired == 1


def test_a_run_says_how_often_a_series_fired_in_a_week(tmp_path: Path) -> None:
    summary, rows = run(write(tmp_path, surge_lines()))
    assert summary.fired_a_week == pytest.approx(summary.fired * 672 / len(rows), abs=1e-3)
