"""Commands over files: classify, detect, replay, demo. They need no server."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from stream.cli.shell import Json, RejectsFile, progress, report, settings


def classify(
    source: Annotated[Path, typer.Option("-i", "--input", help="Posts: .jsonl, .jsonl.gz, .csv, .parquet or -.")],
    out: Annotated[Path, typer.Option("-o", "--output", help="Opinions, one JSON object a line; - for stdout.")],
    rejects: RejectsFile = None,
    as_json: Json = False,
) -> None:
    """Judge posts: opinions out, in the same order.

    Example: groundswell classify -i posts.jsonl -o opinions.jsonl
    """
    from classifier.inference import load_configured
    from stream.companies import Companies
    from stream.files import beside
    from stream.offline import classify_file

    config = settings()
    with progress("classify") as tell:
        summary = classify_file(
            source,
            out,
            load_configured(config.model, config.foreign, config.engine),
            config.sources,
            rejects or beside(out),
            tell,
            Companies(config.companies.file),
        )
    text = f"{summary['opinions']} opinions, {summary['rejected']} rejected" + (
        f" (see {summary['rejects']})" if summary["rejected"] else ""
    )
    if str(out) == "-":
        print(text, file=sys.stderr)
    else:
        report(summary, text, as_json)


def detect(
    source: Annotated[Path, typer.Option("-i", "--input", help="Counts: series,bucket_start,total,negative.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--output", help="The counts with expected, score, event, severity.")
    ] = None,
    measure: Annotated[Literal["negative", "volume"], typer.Option(help="What surges.")] = "negative",
    budget: Annotated[float, typer.Option(help="Accepted false episodes per series and week.")] = 0.25,
    warm_up: Annotated[
        Path | None, typer.Option(help="Counts from before, to learn from, so that day one is not blind.")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option(help="MIC of the exchange whose sessions all series follow [default: hours of UTC].")
    ] = None,
    explain: Annotated[str | None, typer.Option(help="SERIES@TIME: say why this bucket scored as it did.")] = None,
    rejects: RejectsFile = None,
    as_json: Json = False,
) -> None:
    """Score counts: where do negative voices, or all voices, surge beyond the usual?

    Example: groundswell detect -i counts.csv -o scores.csv --budget 0.05
    """
    from alerts.calendars import UTC
    from alerts.detect import detect as run
    from alerts.explain import explain as explained

    if explain is not None:
        if measure == "volume" or out is not None:
            raise typer.BadParameter("--explain is about negatives, and writes no table: leave --measure and -o out")
        found = explained(source, explain, budget, warm_up, calendar or UTC)
        report({**found._asdict()}, found.text(), as_json)
        return
    if measure == "volume" and calendar:
        raise typer.BadParameter("--calendar is for negatives: --measure volume knows no hours")
    if out is None:
        raise typer.BadParameter("give -o for the scored table, or --explain for one bucket")
    summary = run(source, out, measure, budget, rejects, warm_up=warm_up, calendar=calendar or UTC)
    text = f"{summary.rows} rows of {summary.series} series, {summary.fired} fired, {summary.rejected} rejected"
    if summary.learning:
        text += f"; {summary.learning} still learning, until {summary.learning_until}"
    report(summary._asdict(), text, as_json)


def replay(
    out: Annotated[Path, typer.Option(help="Folder for alerts.jsonl, opinions.jsonl.gz and metrics.json.")],
    posts: Annotated[list[Path] | None, typer.Option(help="Files of posts (give it once per file).")] = None,
    opinions: Annotated[list[Path] | None, typer.Option(help="Files of opinions, instead of posts.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules to try [default: those in force].")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First received time, 2026-01-05 or with a time.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Received time to stop before.")] = None,
    warm_up: Annotated[
        list[Path] | None,
        typer.Option(help="Files of the same kind to learn from, up to the start, so that day one is not blind."),
    ] = None,
    rejects: RejectsFile = None,
    as_json: Json = False,
) -> None:
    """Run the live pipeline over history; nobody is notified.

    Example: groundswell replay --posts year.jsonl.gz --from 2026-03-01 --warm-up year.jsonl.gz --out out/
    """
    from alerts.rules import load_rules
    from classifier.inference import load_configured
    from stream.companies import Companies
    from stream.companies.table import sectors_with
    from stream.exchanges import calendars_with
    from stream.replay import replay_opinions, replay_posts, span_of
    from stream.replay_output import describe
    from stream.settings import author_key

    if bool(posts) == bool(opinions):
        raise typer.BadParameter("give either --posts or --opinions")
    config = settings()
    chosen, span = load_rules(rules or config.rules), span_of(start, end)
    out.mkdir(parents=True, exist_ok=True)
    refused = rejects or out / "posts.rejects.jsonl"
    with progress("replay") as tell:
        if posts:
            metrics = replay_posts(
                posts,
                out,
                classifier=load_configured(config.model, config.foreign, config.engine),
                rules=chosen,
                sources=config.sources,
                sectors=sectors_with(config.sectors),
                calendar_of=calendars_with(config.calendar),
                author_key=author_key(config, create=True),
                span=span,
                rejects=refused,
                progress=tell,
                linker=Companies(config.companies.file),
                warm_up=warm_up or (),
            )
        else:
            metrics = replay_opinions(
                opinions or [],
                out,
                rules=chosen,
                sources=config.sources,
                sectors=sectors_with(config.sectors),
                calendar_of=calendars_with(config.calendar),
                span=span,
                rejects=refused,
                progress=tell,
                warm_up=warm_up or (),
            )
    report(metrics, describe(metrics), as_json)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the sample ends, and print the alerts.")] = False,
    speed: Annotated[float, typer.Option(min=1, help="Times the pace of the sample's last day.")] = 600.0,
    seed: Annotated[int, typer.Option(help="Another sample.")] = 7,
    port: Annotated[int | None, typer.Option(help="Port of the desk [default: 8642].")] = None,
) -> None:
    """The whole service in one process on a bundled, invented stream; the desk at http://127.0.0.1:8642.

    Example: groundswell demo
    """
    from stream.demo import run_once, serve

    if once:
        demo = run_once(settings(), seed)
        print(f"{len(demo.posts)} posts, {len(demo.incidents.list(1000))} incidents")
    else:
        serve(settings(), seed, speed, port, lambda text: print(text, file=sys.stderr, flush=True))


COMMANDS = {"demo": demo, "classify": classify, "detect": detect, "replay": replay}
