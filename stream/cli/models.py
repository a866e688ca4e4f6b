"""Commands over models: train, evaluate, bench."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from stream.cli.shell import Json, report, say, settings

DataFolder = Annotated[Path, typer.Option(help="Folder with sentiment/ and topic/ sets.")]


def train(
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="Folder of the new artifact.")],
    recipe: Annotated[Literal["linear"], typer.Option(help="How to train.")] = "linear",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    as_json: Json = False,
) -> None:
    """Train a model on labelled sets and write its artifact.

    Example: groundswell train --recipe linear --data ../shared/data --out out/model
    """
    from classifier import train as room

    metrics = room.run(data, out, recipe, seed, say)
    report(metrics, f"artifact written to {out}", as_json)


def evaluate(
    data: DataFolder,
    model: Annotated[Path | None, typer.Option(help="Artifact [default: the one in force].")] = None,
    split: Annotated[Literal["dev", "test"], typer.Option(help="Look at test once, at the end.")] = "dev",
    as_json: Json = False,
) -> None:
    """Measure a model on labelled sets.

    Example: groundswell evaluate --data ../shared/data --split dev
    """
    from classifier import evaluate as room

    result = room.run(model or settings().model, data, split)
    report(result, json.dumps(result, ensure_ascii=False, indent=2), as_json)


def bench(
    target: Annotated[Literal["classify", "detect", "replay", "roles", "all"], typer.Argument(help="What to measure.")],
) -> None:
    """Measure: one JSON object last. `roles` starts servers of its own.

    Example: groundswell bench detect
    """
    from stream.bench import TARGETS, machine

    before = machine()
    chosen = TARGETS if target == "all" else {target: TARGETS[target]}
    results = {}
    for name, measure in chosen.items():
        results[name] = measure()
        if target == "all":
            print(json.dumps(results[name]))
    print(json.dumps({**(results if target == "all" else results[target]), "machine": before}))


COMMANDS = {"train": train, "evaluate": evaluate, "bench": bench}
