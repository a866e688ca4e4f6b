"""Claims about `groundswell companies` and `groundswell bench link`."""

import json
import re
from pathlib import Path

from stream.companies.own import read_own
from stream.linking import Link
from stream.settings import load_settings
from tests.shell import groundswell


def test_a_company_is_shown_by_any_of_its_symbols_or_names(tmp_path: Path) -> None:
    for query in ("9988.HK", "$baba", "阿里巴巴"):
        done = groundswell("companies", "show", query, "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (found,) = json.loads(done.stdout.splitlines()[-1])["companies"]
        assert found["symbol"] == "BABA"
        assert "9988.HK" in found["listings"]
        assert {"name", "sort", "from", "to"} == found["names"][0].keys()
    done = groundswell("companies", "show", "平安", cwd=tmp_path)
    assert "601318.SH" in done.stdout
    assert "000001.SZ" in done.stdout


def test_an_unknown_company_and_a_wrong_file_fail_in_one_line(tmp_path: Path) -> None:
    done = groundswell("companies", "show", "Nosuchcompany", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "add it in a file" in done.stderr
    (tmp_path / "own.csv").write_text("symbol,name,aliases,from,to\nORBQ,Orbiqua,,2020-01-02,2020-01-01\n")
    done = groundswell("companies", "check", "own.csv", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "line 2" in done.stderr


def test_a_good_file_is_counted_and_classify_links_by_it(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("symbol,name,aliases,from,to\nORBQ,Orbiqua Robotics,Orbiquabots,,\n")
    done = groundswell("companies", "check", "own.csv", "--json", cwd=tmp_path)
    assert json.loads(done.stdout.splitlines()[-1]) == {"rows": 1, "names": 2, "new_companies": 1}
    (tmp_path / "groundswell.toml").write_text('[companies]\nfile = "own.csv"\n')
    post = {"source": "wire", "published_at": "2026-01-05T09:30:00Z", "text": "Orbiquabots beats estimates"}
    (tmp_path / "posts.jsonl").write_text(json.dumps(post) + "\n")
    done = groundswell("classify", "-i", "posts.jsonl", "-o", "opinions.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (entity,) = json.loads((tmp_path / "opinions.jsonl").read_text())["entities"]
    assert (entity["symbol"], entity["name"], entity["reason"]) == ("ORBQ", "Orbiqua Robotics", "name")
    assert (entity["start"], entity["end"], entity["relevance"]) == (0, 11, 1.0)


def test_the_benchmark_of_linking_tells_speed_memory_and_baseline(tmp_path: Path) -> None:
    post = {"source": "wire", "published_at": "2026-01-05T09:30:00Z", "text": "Tesla and 苹果 fall, $ORBQ rises"}
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps({**post, "id": str(n)}) + "\n" for n in range(50)))
    done = groundswell("bench", "link", "--texts", "posts.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["target"], found["texts"], found["links_per_text"]) == ("link", 50, 3.0)
    low, high = found["microseconds_per_text_spread"]
    assert low <= found["microseconds_per_text"] <= high
    assert found["texts_per_s"] > 1_000
    assert {"companies", "load_s", "table_mib", "baseline", "baseline_microseconds_per_text", "ratio"} <= found.keys()
    assert "machine" in found


def test_the_settings_and_the_file_on_the_page_of_companies_are_valid(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "companies.md").read_text(encoding="utf-8")
    for name, kind in (("groundswell.toml", "toml"), ("companies.csv", "csv")):
        (tmp_path / name).write_text(page.split(f"```{kind} {name}\n")[1].split("```")[0], encoding="utf-8")
    assert load_settings(tmp_path / "groundswell.toml", {}).companies.file == Path("companies.csv")
    assert len(read_own(tmp_path / "companies.csv", {})) == 3


def test_every_reason_that_a_link_may_have_is_on_the_page() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "companies.md").read_text(encoding="utf-8")
    reasons = re.findall(
        r"`([a-z]+)`", re.sub(r"\s+", " ", Link.__doc__ or "").split("`reason` is one of")[1].split("(")[0]
    )
    assert len(reasons) == 10
    assert all(f"\n| `{reason}` |" in page for reason in reasons)
