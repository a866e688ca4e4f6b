"""Claims about `groundswell cost`: the day's money from Redis, the curve on labelled data, and plain estimates."""

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from classifier.cascade.budget import Reservation, days_until
from classifier.cascade.fake import FakeEndpoint
from classifier.cascade.gold import GoldModel, gold_of
from classifier.inference import LINEAR
from stream.cli.main import app
from stream.settings import load_settings
from stream.stores.redis_cascade import RedisBudget
from stream.stores.redis_common import connect
from tests.shell import Shell, groundswell, process

TEXTS = [
    ("Profit warning after a weak quarter", "negative"),
    ("Record profit, dividend raised", "positive"),
    ("The annual meeting is on Tuesday", "neutral"),
    ("Orders collapse, jobs go", "negative"),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one labelled set of a known name."""
    (tmp_path / "data" / "sentiment").mkdir(parents=True)
    rows = [
        {"text": f"{text} {number}", "sentiment": label, "split": "dev"} for number in range(5) for text, label in TEXTS
    ]
    with gzip.open(tmp_path / "data" / "sentiment" / "en_sentfin.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path / "data"


def test_the_settings_on_the_page_of_costs_are_valid(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "cost.md").read_text(encoding="utf-8")
    (tmp_path / "groundswell.toml").write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    found = load_settings(tmp_path / "groundswell.toml", {}).cascade
    assert (found.host, found.daily_budget, found.watchlist) == ("llm.example", 5.0, ("AAPL", "0700.HK"))


def curve(cwd: Path, data: Path, *options: str, run: Shell = groundswell) -> Any:
    done = run("cost", "curve", "--data", str(data), "--model", str(LINEAR), *options, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_curve_of_a_fake_without_errors_ends_at_no_error(tmp_path: Path, data: Path) -> None:
    found = curve(tmp_path, data, "--error-rate", "0", "--price-in", "0.15", "--price-out", "0.6")
    assert (found["n"], found["sets"], found["endings"]) == (20, {"en_sentfin": 20}, {"answered": 20})
    assert found["curve"][-1]["accuracy"] == found["curve"][-1]["macro_f1"] == 1.0
    assert found["curve"][0]["prices"][0]["per_million"] == 0.0
    assert [best["price_in"] for best in found["best"]] == [0.15]


def test_a_real_endpoint_is_asked_within_the_budget_given_and_what_it_cost_is_told(tmp_path: Path, data: Path) -> None:
    known = {f"{text} {number}": gold_of(label) for number in range(5) for text, label in TEXTS}
    with FakeEndpoint(model=GoldModel(known)) as fake:
        asked = ["--endpoint", fake.url, "--large-model", "m", "--price-in", "1", "--price-out", "4"]
        found = curve(tmp_path, data, *asked, "--budget", "1", run=process)
        charged = fake.tokens_in + 4 * fake.tokens_out
        refused = groundswell("cost", "curve", "--data", str(data), *asked, cwd=tmp_path)
    assert found["curve"][-1]["accuracy"] == 1.0
    assert found["spent"] == charged / 1e6
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "cascade.daily_budget" in refused.stderr


def test_an_estimate_sets_machines_beside_large_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--machine", "cpu=0.36:100", "--llm", "small=0.15:0.6", "--tokens-in", "300", "--tokens-out", "20"]
    done = CliRunner().invoke(app, ["cost", "estimate", *options, "--json"])
    found = json.loads(done.output.splitlines()[-1])
    assert [one["per_million"] for one in (*found["machines"], *found["large_models"])] == [1.0, 57.0]
    for wrong in ([], ["--machine", "cpu=1"], ["--llm", "small"], ["--llm", "small=a:b"]):
        assert CliRunner().invoke(app, ["cost", "estimate", *wrong]).exit_code == 2


def test_the_days_are_read_from_redis(tmp_path: Path, redis_url: str, prefix: str) -> None:
    today = days_until(int(time.time() * 1000), 1)[0]
    with connect(redis_url) as client:
        budget = RedisBudget(client, f"{prefix}groundswell", "USD")
        budget.reserve(Reservation("lost", today, 250_000), 10**9)
        budget.count(today, {"asked": 3, "changed": 2})
    (tmp_path / "groundswell.toml").write_text(
        f'prefix = "{prefix}"\n[redis]\nurl = "{redis_url}"\n[cascade]\nendpoint = "https://llm.example/v1"\n'
        'model = "m"\nprice_in = 1\nprice_out = 4\ndaily_budget = 2\n'
    )
    done = groundswell("cost", "--json", "--days", "2", cwd=tmp_path)
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["today"], found["daily_budget"], found["currency"]) == (0.25, 2.0, "USD")
    day, before = found["days"]
    assert day == {"day": today, "spent": 0.25, "set_aside": 0.25, "counts": {"asked": 3, "changed": 2}}
    assert before["spent"] == 0
    assert "Today 0.250000 of 2.00 USD are spent." in groundswell("cost", cwd=tmp_path).stdout
