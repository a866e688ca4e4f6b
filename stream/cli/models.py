"""Commands over models: train, evaluate, bench."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from stream.cli.shell import Json, pairs, prices_of, report, say, settings

DataFolder = Annotated[Path, typer.Option(help="Folder with sentiment/ and topic/ sets.")]


def train(
    out: Annotated[Path, typer.Option(help="Folder of the new model.")],
    data: Annotated[Path | None, typer.Option(help="Folder with the known sets, sentiment/ and topic/.")] = None,
    own: Annotated[list[Path] | None, typer.Option(help="Your labelled file: .jsonl, .csv or .parquet.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="What a column is: text=body, sentiment=rating.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="What a label means: bullish=positive.")] = None,
    recipe: Annotated[Literal["encoder", "linear"], typer.Option(help="How to train.")] = "encoder",
    language: Annotated[list[str] | None, typer.Option(help="Only these encoders [default: en and zh].")] = None,
    bases: Annotated[
        Path, typer.Option(help="Folder of pretrained encoders, en.jar and zh.jar ('make encoders').")
    ] = Path(".groundswell/encoders"),
    teacher: Annotated[list[Path] | None, typer.Option(help="Model to learn from as well (distillation).")] = None,
    unlabelled: Annotated[list[Path] | None, typer.Option(help="Texts without labels, for the teachers.")] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="epochs=3, rate=5e-5, tune=lora, …")] = None,
    precision: Annotated[Literal["int8", "float32"], typer.Option(help="Of the weights that are written.")] = "int8",
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    as_json: Json = False,
) -> None:
    """Train a model on labelled sets and write its folder. A run that was cut short goes on from its last epoch.

    Example: groundswell train --own labelled.csv --column text=body --label bullish=positive --out out/model
    """
    from classifier.data import OwnFile
    from classifier.labels import LANGUAGES
    from classifier.training import recipes

    columns, labels = pairs(column, "--column"), pairs(label, "--label")
    wanted = recipes.Wanted(
        data=data,
        out=out,
        own=[OwnFile(path, columns, labels) for path in own or ()],
        languages=language or LANGUAGES,
        bases=bases,
        unlabelled=unlabelled or (),
        teachers=teacher or (),
        seed=seed,
        version=version,
        precision=precision,
        settings=pairs(setting, "--set"),
    )
    metrics = recipes.run(recipe, wanted, say)
    report(metrics, f"model written to {out}", as_json)


def export(
    run: Annotated[
        list[str], typer.Option(help="A finished run of 'train': en=out/model/runs/en; several are averaged.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new model.")],
    data: Annotated[Path | None, typer.Option(help="Folder with the known sets: their dev parts calibrate.")] = None,
    own: Annotated[list[Path] | None, typer.Option(help="Your labelled file, for its dev part.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="What a column is: text=body, sentiment=rating.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="What a label means: bullish=positive.")] = None,
    precision: Annotated[Literal["int8", "float32"], typer.Option(help="Of the weights that are written.")] = "int8",
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
    as_json: Json = False,
) -> None:
    """Make a model folder of finished runs: round the weights, calibrate, measure on dev, write the card.

    Example: groundswell export --run en=out/model/runs/en --data ../shared/data --precision float32 --out out/fp32
    """
    from classifier.data import OwnFile
    from classifier.training.export import export as make

    columns, labels = pairs(column, "--column"), pairs(label, "--label")
    files = [OwnFile(path, columns, labels) for path in own or ()]
    runs: dict[str, list[Path]] = {}
    for text in run:
        for name, folder in pairs([text], "--run").items():
            runs.setdefault(name, []).append(Path(folder))
    metrics = make(runs, data, files, out, version, precision, say)
    report(metrics, f"model written to {out}", as_json)


def evaluate(
    data: DataFolder,
    model: Annotated[Path | None, typer.Option(help="Artifact [default: the one in force].")] = None,
    split: Annotated[Literal["dev", "test"], typer.Option(help="Look at test once, at the end.")] = "dev",
    against: Annotated[Path | None, typer.Option(help="Another artifact, compared on the same rows.")] = None,
    baselines: Annotated[bool, typer.Option("--baselines", help="Add commonest label, linear model, VADER.")] = False,
    hard_cases: Annotated[bool, typer.Option("--hard-cases", help="Add the sentences that models get wrong.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html and report.json.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows of a set.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Write the figures into the model's card too.")] = False,
    as_json: Json = False,
) -> None:
    """Measure a model on labelled sets.

    Example: groundswell evaluate --data ../shared/data --split dev --baselines --hard-cases --out out/report
    """
    from rich.console import Console

    from classifier import evaluate as room
    from classifier.evaluate.terminal import shown

    result = room.run(
        model or settings().model,
        data,
        split,
        against=against,
        baselines=baselines,
        hard_cases=hard_cases,
        out=out,
        limit=limit,
        tell=say,
    )
    if record:
        from classifier.evaluate.recording import record as write_record
        from classifier.inference import SHIPPED

        write_record(model or settings().model or SHIPPED, result)
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    console = Console()
    console.print(shown(result))
    if out is not None:
        console.print(f"report written to {out / 'report.html'}", markup=False, soft_wrap=True)


def bench(
    target: Annotated[
        Literal[
            "classify",
            "exactness",
            "names",
            "link",
            "detect",
            "replay",
            "stories",
            "trends",
            "roles",
            "sustained",
            "all",
        ],
        typer.Argument(help="What to measure."),
    ],
    texts: Annotated[Path | None, typer.Option(help="Posts to judge [default: the bundled sample].")] = None,
    model: Annotated[Path | None, typer.Option(help="Model folder [default: the one in force].")] = None,
    against: Annotated[Path | None, typer.Option(help="For exactness: the same model in float32.")] = None,
    backend: Annotated[
        Literal["auto", "cpu", "cuda"] | None, typer.Option(help="Where the model computes [default: as set].")
    ] = None,
    hour_price: Annotated[float, typer.Option(min=0, help="What this machine costs an hour.")] = 0.1,
    llm: Annotated[list[str] | None, typer.Option(help="NAME=PRICE_IN:PRICE_OUT per million tokens.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="For sustained: how long.")] = 10.0,
) -> None:
    """Measure: one JSON object last. `stories`, `trends`, `roles` and `sustained` start servers of their own.

    Example: groundswell bench classify --texts posts.jsonl --hour-price 0.08 --llm small=0.15:0.6
    """
    from msgspec.structs import replace

    from stream import bench as room
    from stream.bench import detector, embedded, linking, models, names, roles, stories, sustained, trends

    config = settings()
    engine = replace(config.engine, device=backend) if backend else config.engine
    asked = models.Asked(texts, model or config.model, engine, hour_price)
    if llm:
        asked = asked._replace(large=prices_of(llm, "--llm"))
    targets: dict[str, Callable[[], dict[str, object]]] = {
        "classify": lambda: models.classify(asked),
        "names": lambda: names.run(texts, asked.model, config.companies.file),
        "link": lambda: linking.run(texts, config.companies.file),
        "detect": detector.run,
        "replay": embedded.replay,
        "stories": stories.run,
        "trends": trends.run,
        "roles": roles.run,
    }
    alone: dict[str, Callable[[], dict[str, object]]] = {
        "sustained": lambda: sustained.run(minutes),
        "exactness": lambda: models.exactness(asked, against),
    }
    before = room.machine()
    chosen = targets if target == "all" else {target: (targets | alone)[target]}
    results = {}
    for name, measure in chosen.items():
        results[name] = measure()
        if target == "all":
            print(json.dumps(results[name]))
    print(json.dumps({**(results if target == "all" else results[target]), "machine": before}))


COMMANDS = {"train": train, "export": export, "evaluate": evaluate, "bench": bench}
