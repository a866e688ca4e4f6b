"""The doctor looks at everything, says what to do, and is not stopped by what it finds."""

import json
import time
from pathlib import Path

import pytest

from classifier.inference import LINEAR
from deploy.local import StackInfo
from stream.doctor import MAX_SKEW_MS, Finding, examine
from stream.settings import Elasticsearch, Kafka, Redis, Settings
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from stream.topics import create_topics
from tests.contract.counted import doc, vote
from tests.shell import process as groundswell

NOWHERE = "127.0.0.1:1"
AWAY = (
    f'[kafka]\nbootstrap = "{NOWHERE}"\n[redis]\nurl = "redis://:hidden@{NOWHERE}/0"\n'
    f'[elasticsearch]\nurl = "http://{NOWHERE}"\n'
)


def now_ms() -> int:
    return int(time.time() * 1000)


def examined(settings: Settings, clock_ms: int | None = None) -> dict[str, Finding]:
    return {one.name: one for one in examine(settings, lambda: now_ms() if clock_ms is None else clock_ms)}


def settings_of(stack: StackInfo, prefix: str) -> Settings:
    return Settings(
        kafka=Kafka(bootstrap=stack.kafka),
        redis=Redis(url=stack.redis_url),
        elasticsearch=Elasticsearch(url=stack.elasticsearch_url),
        model=LINEAR,
        prefix=prefix,
    )


def told(folder: Path, settings: str) -> tuple[int, dict[str, Finding], str]:
    """What `doctor --json` says with these settings: its exit code, its findings, and all that it printed."""
    (folder / "groundswell.toml").write_text(settings)
    done = groundswell("doctor", "--json", cwd=folder)
    found = [Finding(**one) for one in json.loads(done.stdout.splitlines()[-1])["findings"]]
    return done.returncode, {one.name: one for one in found}, done.stdout + done.stderr


@pytest.mark.slow
def test_without_servers_all_else_is_looked_at_and_each_server_is_named_with_what_to_do(tmp_path: Path) -> None:
    code, found, printed = told(tmp_path, f'model = "{LINEAR}"\n{AWAY}')
    failed = {name for name, one in found.items() if one.state == "failed"}
    assert failed == {"kafka", "redis", "elasticsearch"}
    assert all("groundswell up" in found[name].seen for name in failed)
    assert "hidden" not in printed
    assert found["model"].seen.startswith("groundswell-linear")
    assert "not compared" in found["clock"].seen
    assert code == 1


@pytest.mark.slow
def test_a_model_or_rules_that_cannot_be_read_are_findings_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "tuning.json").write_text("{")
    _, found, _ = told(tmp_path, f'model = "nowhere"\nrules = "nowhere.yml"\n[engine]\ntuning = "tuning.json"\n{AWAY}')
    assert {"rules", "model", "tuning"} <= {name for name, one in found.items() if one.state == "failed"}
    assert "model folder" in found["model"].advice


def test_with_servers_their_versions_are_told_and_the_clocks_compared(stack: StackInfo, prefix: str) -> None:
    settings = settings_of(stack, prefix)
    assert examined(settings)["kafka"].state == "failed"  # no topics under this prefix yet
    create_topics(settings)
    found = examined(settings)
    assert [one.name for one in found.values() if one.state != "ok"] == []
    assert found["redis"].seen.startswith("version ")
    assert found["elasticsearch"].seen.startswith("version ")
    assert "Redis" in found["clock"].seen
    assert found["trends"].seen == "every series is kept apart"
    late = examined(settings, now_ms() - 10 * MAX_SKEW_MS)["clock"]
    assert (late.state, "behind Redis" in late.seen, "NTP" in late.advice) == ("warning", True, True)


def test_series_that_were_folded_together_are_a_warning_with_where_they_went(stack: StackInfo, prefix: str) -> None:
    settings = settings_of(stack, prefix)
    with connect(stack.redis_url) as client:
        crowded = RedisTrends(client, f"{prefix}groundswell", settings.shards, series_kept=4)
        for number in range(40):
            crowded.count([doc(f"p{number}", vote(f"issuer_topic:S{number}|risk"))])
        folded = crowded.folded("issuer_topic")
    told = examined(settings)["trends"]
    assert (told.state, told.seen) == ("warning", f"series folded together: {folded} of issuer_topic")
    assert "go into issuer_topic:(other) from 50,000 of a kind on" in told.advice


@pytest.mark.slow
def test_people_read_a_line_for_each_finding_with_what_to_do_below(tmp_path: Path) -> None:
    (tmp_path / "groundswell.toml").write_text(f'model = "{LINEAR}"\n{AWAY}')
    done = groundswell("doctor", cwd=tmp_path)
    assert done.returncode == 1
    assert "FAILED redis" in done.stdout
    assert "→ groundswell doctor --tune" in done.stdout
    assert done.stderr == ""
