"""Workers that are told to stop in the middle of their work end soon, and those that follow lose nothing."""

import json
import time
from pathlib import Path

import pytest

from deploy.local import StackInfo
from tests.end_to_end.driver import mixture, send
from tests.end_to_end.running import Place

TOTAL = 6_000
SOON_S = 10.0
pytestmark = pytest.mark.timeout(180)


def test_workers_stopped_under_load_end_within_ten_seconds_and_lose_nothing(
    stack: StackInfo, prefix: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    roles = ("classify", "trends", "index")
    with Place(stack, prefix, tmp_path) as place:
        place.create_topics()
        messages = mixture(TOTAL, int(time.time() * 1000), seed=6)
        send(place, messages, ledger)
        for role in roles:
            place.start(role, f"{role}-a")
        place.wait(lambda: sum(place.committed("classify", place.topics.posts).values()) > 0, "classify to begin", 60)
        for role in roles:
            began_s = time.monotonic()
            assert place.stop(f"{role}-a") == 0
            assert time.monotonic() - began_s < SOON_S
        assert sum(place.committed("classify", place.topics.posts).values()) < TOTAL, "it had nothing left to do"
        for role in roles:
            place.start(role, f"{role}-b")
        place.wait_done("classify", place.topics.posts, 60)
        for role in ("trends", "index"):
            place.wait_done(role, place.topics.opinions, 60)
        audited = place.command("audit", str(ledger), "--json")
        assert audited.returncode == 0, audited.stdout + audited.stderr
        assert (json.loads(audited.stdout)["lost"], json.loads(audited.stdout)["extra"]) == (0, 0)
        _claim_dead_letters_are_listed_and_shown(place, sum(message.post_id is None for message in messages))


def _claim_dead_letters_are_listed_and_shown(place: Place, bad: int) -> None:
    listed = place.command("dead-letters", "list")
    rows = [line.split("  ") for line in listed.stdout.splitlines()]
    assert len({row[-1] for row in rows}) == bad, listed.stderr
    assert {tuple(row[1:3]) for row in rows} == {("decode", "RecordRefused")}
    shown = place.command("dead-letters", "show", rows[0][0])
    assert f"groundswell-topic: {place.topics.posts}" in shown.stdout.splitlines(), shown.stderr
    absent = place.command("dead-letters", "show", str(10**9))
    assert (absent.returncode, absent.stderr.count("\n")) == (1, 1)
