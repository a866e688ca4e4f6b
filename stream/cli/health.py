"""The command `doctor`."""

import json
import time
from typing import Annotated

import typer

from stream.cli.shell import Json, say, settings

_MARKS = {"ok": "ok", "warning": "!!", "failed": "FAILED"}


def doctor(
    tune: Annotated[
        bool, typer.Option("--tune", help="Measure how the model computes best on this machine, and keep it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check settings, servers, versions, the model and the clock, and say what to do.

    Example: groundswell doctor --tune
    """
    from stream.doctor import examine

    config = settings()
    tuned = _tune() if tune else None
    found = []
    for one in examine(config, lambda: int(time.time() * 1000)):
        found.append(one)
        if not as_json:
            print(f"{_MARKS[one.state]:7}{one.name:14}{one.seen}" + (f"\n{'':21}→ {one.advice}" if one.advice else ""))
    failed = [one.name for one in found if one.state == "failed"]
    if as_json:
        print(json.dumps({"findings": [one._asdict() for one in found], "failed": failed, "tuned": tuned}))
    if failed:
        raise SystemExit(1)


def _tune() -> dict[str, object]:
    from classifier.engine import tuning
    from classifier.inference import SHIPPED, load
    from stream.sample import generate

    config = settings()
    folder = config.model or SHIPPED
    posts = generate(days=4, surge_at_h=84).posts[:600]
    tried: list[tuning.Tried] = []

    def tell(one: tuning.Tried) -> None:
        tried.append(one)
        say(f"{one.placement}: {one.texts_per_s:.0f} texts/s ({one.low:.0f} to {one.high:.0f})")

    best = tuning.tune(
        folder,
        [post.text for post in posts],
        [post.lang or "en" for post in posts],
        lambda placement: load(folder, placement),
        time.perf_counter,
        tell,
    )
    tuning.keep(config.engine.tuning, best)
    table = [{**one._asdict(), "placement": one.placement._asdict()} for one in tried]
    return {"best": best.placement._asdict(), "texts_per_s": best.texts_per_s, "tried": table}


COMMANDS = {"doctor": doctor}
