"""Claims about `groundswell alerts budget`: what the series of a real Redis have spent."""

import json
import time
from pathlib import Path

from alerts.accounts import Account
from stream.settings import load_settings
from stream.stores.connect import trend_store
from stream.stores.protocols import ShardUpdate, shard_of
from stream.times import DAY_MS
from tests.shell import process as groundswell


def test_the_budget_is_shown_beside_what_was_spent_by_all_and_by_those_who_spent_most(
    redis_url: str, prefix: str, tmp_path: Path
) -> None:
    path = tmp_path / "groundswell.toml"
    path.write_text(f'prefix = "{prefix}."\n[redis]\nurl = "{redis_url}"\n', encoding="utf-8")
    store = trend_store(load_settings(path, {}))
    now_ms = int(time.time() * 1000)
    accounts = {f"issuer:S{n}": Account(now_ms - 29 * DAY_MS, {"negative-surge": n} if n else {}) for n in range(4)} | {
        "issuer:NEW": Account(now_ms, {})
    }
    for name, account in accounts.items():
        shard = shard_of(name, store.shards)
        token = store.lease(shard, "me", 60_000, now_ms)
        assert token is not None
        store.commit(shard, token, ShardUpdate(b"", 1, {}, {}, {}, {}, {}, {name: account}))
    done = groundswell("alerts", "budget", "--limit", "2", cwd=tmp_path)
    head, first, second = done.stdout.splitlines()[:3]
    assert head.startswith("negative-surge: 6 firings in 16 series-weeks, 0.375 a series and week, true surges among")
    assert "the budget is 0.25 false ones; 1 series still learn, the last until " in head
    assert (first.split()[:3], second.split()[0]) == (["issuer:S3", "3", "in"], "issuer:S2")
    found = json.loads(groundswell("alerts", "budget", "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert list(found["rules"][0]["most"]) == ["issuer:S3", "issuer:S2", "issuer:S1"]
