"""Claims about `groundswell trends`: what an analyst sees of a real Redis, as text and as JSON."""

import json
import subprocess
from pathlib import Path

import pytest

from stream.settings import load_settings
from stream.stores.connect import trend_store
from stream.stores.protocols import Counted, SeriesVote
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from stream.times import DAY_MS, HOUR_MS, format_ms
from tests.contract.counted import doc, vote
from tests.shell import process as groundswell

NOW_MS = 20_000 * DAY_MS + 15 * HOUR_MS


@pytest.fixture(scope="module")
def folder(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose settings lead to a Redis with a company that turned gloomy, and one that did not."""
    path = tmp_path_factory.mktemp("trends")
    (path / "groundswell.toml").write_text(f'prefix = "cli."\n[redis]\nurl = "{redis_url}"\n', encoding="utf-8")
    store = trend_store(load_settings(path / "groundswell.toml", {}))
    docs = []
    for n in range(400):
        late, gloomy = n >= 300, n % 2 == 0
        at_ms = NOW_MS - (HOUR_MS if late else 5 * DAY_MS) - n - 1
        label = 0 if n % 10 == 1 or (late and gloomy) else 2
        company = "GLUM" if gloomy else "SAME"
        names = (f"issuer:{company}", f"issuer_topic:{company}|risk", "market:all")
        votes = tuple(SeriesVote(name, label, (label - 1) * 700, False) for name in names)
        docs.append(Counted(f"p{n}", at_ms, at_ms, f"s{n}", True, False, votes, b"", 1000, f"feed{n % 3}"))
    store.count(docs)
    return path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return groundswell("trends", *arguments, "--at", format_ms(NOW_MS), cwd=folder)


def last_object(done: subprocess.CompletedProcess[str]) -> dict[str, list[dict[str, object]]]:
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_one_series_is_shown_bucket_by_bucket(folder: Path) -> None:
    found = last_object(run(folder, "show", "issuer:GLUM", "--hours", "24", "--resolution", "hour", "--json"))
    [bucket] = found["buckets"]
    assert (bucket["posts"], bucket["negative"], bucket["sources"], bucket["novelty_sum"]) == (50, 50, 3, 50.0)
    text = run(folder, "show", "issuer:GLUM", "--hours", "240").stdout.splitlines()
    assert len(text) == 3
    assert text[0].split() == ["start", "posts", "voices", "neg", "neu", "pos", "score", "sources"]
    assert "nothing was said" in run(folder, "show", "issuer:NONE").stdout


def test_the_movers_name_what_changed(folder: Path) -> None:
    moves = last_object(run(folder, "movers", "--json"))["movers"]
    assert [(move["series"], move["value"], move["usual"]) for move in moves] == [
        ("issuer:GLUM", 1.0, 0.0),
        ("issuer:SAME", 0.2, 0.2),
    ]
    assert run(folder, "movers", "--window", "day", "--limit", "1").stdout.splitlines()[1].startswith("issuer:GLUM")
    assert "no sector has enough voices" in run(folder, "movers", "--kind", "sector").stdout


def test_what_is_left_out_since_it_was_folded_is_said(folder: Path, redis_url: str) -> None:
    assert "left out" not in run(folder, "movers").stdout
    with connect(redis_url) as client:
        crowded = RedisTrends(client, "cli.groundswell", 2, series_kept=4)
        for number in range(40):
            crowded.count([doc(f"crowd{number}", vote(f"topic:T{number}"))])
        folded = crowded.folded("topic")
    assert (
        f"left out: topic:(other), into which the least active were folded {folded} times"
        in run(folder, "movers", "--kind", "topic").stdout
    )
    assert json.loads(run(folder, "movers", "--kind", "topic", "--json").stdout)["folded"] == folded > 0
    assert json.loads(run(folder, "heatmap", "--json").stdout)["folded"] == 0


def test_the_heat_map_is_companies_by_topics(folder: Path) -> None:
    done = run(folder, "heatmap", "--json")
    heat = json.loads(done.stdout)
    assert (heat["companies"], heat["topics"]) == (["GLUM", "SAME"], ["risk"])
    assert [row[0]["negative_share"] for row in heat["rows"]] == [1.0, 0.2]
    assert "50 (100%)" in run(folder, "heatmap", "--only", "GLUM").stdout


def test_what_is_not_understood_is_one_line(folder: Path) -> None:
    for arguments in (["show", "AAPL"], ["movers", "--at", "2026-01-05T09:30:00"], ["movers", "--at", "now"]):
        done = groundswell("trends", *arguments, cwd=folder)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "; give" in done.stderr
