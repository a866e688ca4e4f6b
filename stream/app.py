"""The Faust app of one role: its consumer group, the settings under which nothing is lost, and how it is run."""

import logging
from pathlib import Path
from typing import Any

import faust

from stream.settings import Settings

# Measured with faust-streaming 0.15.3: with other settings batches are committed before they are done.
SAFE: dict[str, Any] = {
    "broker_max_poll_records": 500,
    "stream_buffer_maxsize": 8192,
    "table_standby_replicas": 0,
    "topic_disable_leader": True,
    "topic_allow_declare": False,
    "broker_commit_interval": 1.0,
    "broker_max_poll_interval": 86_400.0,  # a store may be away for long; the batch waits, and so does the poll
    "broker_session_timeout": 20.0,
    "broker_heartbeat_interval": 3.0,
    "broker_request_timeout": 40.0,
    "consumer_auto_offset_reset": "earliest",
    "web_enabled": False,
}


def group_of(role: str, prefix: str) -> str:
    """The consumer group of a role."""
    return f"{prefix}groundswell.{role}"


def make_app(role: str, settings: Settings) -> faust.App:
    """An app that reads raw bytes from Kafka and keeps nothing on disk."""
    folder = Path(".groundswell/faust")  # Faust wants one; with tables in memory nothing is written there
    folder.mkdir(parents=True, exist_ok=True)
    brokers = ";".join(f"kafka://{broker.strip()}" for broker in settings.kafka.bootstrap.split(","))
    return faust.App(
        group_of(role, settings.prefix),
        broker=brokers,
        store="memory://",
        datadir=folder / role,
        value_serializer="raw",
        key_serializer="raw",
        **SAFE,
    )


def run_app(app: faust.App) -> None:
    """Runs the app until a signal ends it; raises `SystemExit` as Faust's worker does."""
    logging.getLogger("faust").setLevel(logging.WARNING)
    logging.getLogger("faust.transport.drivers.aiokafka").addFilter(_worth_saying)
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # what it says of a node, the roles say better
    worker = faust.Worker(app, loglevel="WARNING", redirect_stdouts=False, quiet=True)
    worker.spinner = None  # it hides the cursor, in files too
    worker.execute_from_commandline()


def _worth_saying(record: logging.LogRecord) -> bool:
    """Not the list of all messages in hand, which Faust writes while it waits for a batch to end."""
    return "wait_empty" not in str(record.msg)
