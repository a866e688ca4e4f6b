"""Commands over servers: the local stack, topics, roles, produce."""

import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from stream.cli.shell import Json, Options, Prefix, progress, report, say, settings
from stream.errors import GroundswellError, ServerUnavailable
from stream.settings import LOCAL_ROOT, Settings

RoleName = Literal["classify", "trends", "index", "notify", "desk"]
ROLES: tuple[RoleName, ...] = ("classify", "trends", "index", "notify", "desk")
Clock = Annotated[Literal["broker", "record"] | None, typer.Option(help="broker: live; record: trusted history.")]

T = TypeVar("T")

topics = typer.Typer(help="Topics in Kafka.", no_args_is_help=True)


@topics.command("create")
def create(prefix: Prefix = None, clock: Clock = None, as_json: Json = False) -> None:
    """Make the topics that are not there yet.

    Example: groundswell topics create --prefix history. --clock record
    """
    from stream.topics import create_topics

    made = create_topics(settings(prefix=prefix, clock=clock))
    report({"created": made}, f"{len(made)} topics made" + "".join(f"\n  {name}" for name in made), as_json)


@topics.command("list")
def list_(prefix: Prefix = None) -> None:
    """The names of the topics under the prefix in force.

    Example: groundswell topics list
    """
    from stream.topics import topics as names

    print("\n".join(names(settings(prefix=prefix).prefix)))


def up(
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Take free ports instead of the usual ones.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start local Kafka, Redis and Elasticsearch without Docker, under .groundswell/, and make the topics.

    Example: groundswell up
    """
    import deploy.local as stack
    from stream.topics import create_topics

    info = stack.up(LOCAL_ROOT, free_ports=free_ports, progress=say)
    made = create_topics(settings())
    result: dict[str, object] = {
        "kafka": info.kafka,
        "redis": info.redis_url,
        "elasticsearch": info.elasticsearch_url,
        "topics": made,
    }
    report(result, f"Kafka {info.kafka}\nRedis {info.redis_url}\nElasticsearch {info.elasticsearch_url}", as_json)


def down(as_json: Json = False) -> None:
    """End the local servers; their data stays.

    Example: groundswell down
    """
    import deploy.local as stack

    ended = stack.down(LOCAL_ROOT)
    report({"ended": ended}, f"ended: {', '.join(ended) or 'nothing ran'}", as_json)


def status(as_json: Json = False) -> None:
    """How the local servers are.

    Example: groundswell status
    """
    import deploy.local as stack

    found = stack.status(LOCAL_ROOT)
    lines = [f"{one.name:14} {one.state:10} {one.url} {one.resident_mib or 0} MiB" for one in found]
    result: dict[str, object] = {one.name: {"state": one.state, "url": one.url} for one in found}
    report(result, "\n".join(lines), as_json)
    if any(one.state != "running" for one in found):
        raise SystemExit(1)


def produce(
    files: Annotated[list[Path], typer.Argument(help="Posts: .jsonl, .jsonl.gz, .csv, .parquet or -.")],
    rate: Annotated[float | None, typer.Option(min=0.001, help="Posts a second.")] = None,
    speed: Annotated[float | None, typer.Option(min=0.001, help="Times the pace of published_at.")] = None,
    prefix: Prefix = None,
    clock: Clock = None,
    as_json: Json = False,
) -> None:
    """Send posts from files into Kafka, as fast as possible unless told otherwise.

    Example: groundswell produce posts.jsonl --rate 100
    """
    from stream.produce import Pace
    from stream.produce import produce as send
    from stream.settings import author_key

    if rate and speed:
        raise typer.BadParameter("give either --rate or --speed")
    config = stream_settings(prefix, clock)
    pace = Pace(rate, speed, time.monotonic, time.sleep, lambda: int(time.time() * 1000))
    with progress("produce") as tell:
        sent = send(files, config, author_key(config, create=True), pace, tell)
    report({"sent": sent}, f"{sent} posts sent", as_json)


def worker(role: RoleName, prefix: Prefix = None, clock: Clock = None) -> None:
    """Run one role: classify, trends, index, notify or desk. It waits for servers that are away.

    Example: groundswell worker classify
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    config = stream_settings(prefix, clock)
    if role == "desk":
        _desk(config)
        return
    from stream.agents import ROLES as BUILD
    from stream.app import run_app
    from stream.topics import partitions_of
    from stream.topics import topics as names

    _patiently(role, lambda: partitions_of(config, names(config.prefix).posts))  # Faust itself says it in 40 lines
    app = _patiently(role, lambda: BUILD[role](config))
    try:
        run_app(app)
    except SystemExit as stop:
        if not stop.code:
            raise
    # Faust gives up when the group's coordinator stays away: begin again, as a new process, after a pause
    time.sleep(2 + random.random() * 3)
    os.execv(sys.executable, [sys.executable, "-m", "stream.cli", *sys.argv[1:]])


def run(prefix: Prefix = None, clock: Clock = None) -> None:
    """Run all roles, each as a process of its own, until interrupted.

    Example: groundswell run
    """
    stream_settings(prefix, clock)
    options = ["--config", str(Options.config)] if Options.config else []
    over = (["--prefix", prefix] if prefix else []) + (["--clock", clock] if clock else [])
    processes = {
        role: subprocess.Popen([sys.executable, "-m", "stream.cli", *options, "worker", role, *over]) for role in ROLES
    }
    print(f"running: {', '.join(ROLES)} (Ctrl-C ends them)", file=sys.stderr, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        while True:
            time.sleep(1)
            for role, process in processes.items():
                if process.poll() is not None:
                    raise GroundswellError(f"role {role} ended with code {process.returncode}; see its last line")
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _patiently(role: str, build: Callable[[], T]) -> T:
    wait_s = 1.0
    while True:
        try:
            return build()
        except ServerUnavailable as error:
            print(f"{role} waits: {error}", file=sys.stderr, flush=True)
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, 10.0)


def stream_settings(prefix: str | None, clock: str | None) -> Settings:
    """The settings of a command that sends or reads posts; refuses history in the live topics."""
    config = settings(prefix=prefix, clock=clock)
    if config.clock == "record" and not config.prefix:
        raise GroundswellError("history needs topics of its own: give --prefix with --clock record, such as 'history.'")
    return config


def _desk(config: Settings) -> None:
    from alerts.rules import load_rules
    from stream.desk.app import create_app, server
    from stream.stores.connect import document_store, incident_book, trend_store

    trends = trend_store(config)

    def now() -> int:
        watermark = trends.watermark(1) if config.clock == "record" else None
        return watermark if watermark is not None else int(time.time() * 1000)

    app = create_app(
        trends,
        document_store(config),
        incident_book(config),
        now=now,
        rules=load_rules(config.rules),
        hosts=config.desk.hosts,
    )
    print(f"the desk is at http://{config.desk.host}:{config.desk.port}", file=sys.stderr, flush=True)
    server(app, config.desk.host, config.desk.port).run()


COMMANDS = {
    "up": up,
    "down": down,
    "status": status,
    "worker": worker,
    "run": run,
    "produce": produce,
}
