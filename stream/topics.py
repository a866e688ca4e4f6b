"""The topics: their names, clean-up and retention, and their creation. One table, as in `docs/architecture.md`."""

from collections.abc import Mapping
from typing import NamedTuple

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from stream.errors import ServerUnavailable
from stream.settings import Settings

DAY_MS = 86_400_000
MIB = 1 << 20
BOOTSTRAP_TIMEOUT_MS = 5000  # how long a broker may be silent before it counts as away
STARTED_BY = "run 'groundswell up', or set kafka.bootstrap"
CREATED_BY = "'groundswell topics create', with the prefix and clock in force"


class Topics(NamedTuple):
    """The names of all topics under one prefix."""

    posts: str
    opinions: str
    alerts: str
    actions: str
    state: str
    erasures: str
    dead_letters: str


def topics(prefix: str) -> Topics:
    """The topics under `prefix`, such as `history.groundswell.posts`."""
    return Topics(*(f"{prefix}groundswell.{field.replace('_', '-')}" for field in Topics._fields))


def _configs(settings: Settings) -> Mapping[str, tuple[int, dict[str, str]]]:
    """Topic -> (partitions, configuration). History keeps its own times, for ever."""
    names = topics(settings.prefix)
    live = settings.clock == "broker"
    stream = {
        "cleanup.policy": "compact,delete",
        "retention.ms": str(400 * DAY_MS if live else -1),
        "message.timestamp.type": "LogAppendTime" if live else "CreateTime",
        "max.message.bytes": str(2 * MIB),
    }
    kept = {"cleanup.policy": "compact"}
    spread = settings.kafka.partitions
    return {
        names.posts: (spread, stream),
        names.opinions: (spread, stream),
        names.alerts: (1, {"cleanup.policy": "delete", "retention.ms": "-1"}),
        names.actions: (1, kept),
        names.state: (1, kept | {"max.message.bytes": str(32 * MIB)}),
        names.erasures: (1, kept),
        names.dead_letters: (
            1,
            {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS), "max.message.bytes": str(4 * MIB)},
        ),
    }


def create_topics(settings: Settings) -> list[str]:
    """Makes the topics that are not there yet; returns their names. Raises `ServerUnavailable`."""
    admin = _admin(settings)
    try:
        there = set(admin.list_topics())
        missing = {name: spec for name, spec in _configs(settings).items() if name not in there}
        new = [
            NewTopic(name, partitions, settings.kafka.replication, topic_configs=config)
            for name, (partitions, config) in missing.items()
        ]
        if new:
            try:
                admin.create_topics(new)
            except TopicAlreadyExistsError:
                return create_topics(settings)  # somebody else was as quick: make the rest
        return list(missing)
    except KafkaError as error:
        raise ServerUnavailable(f"Kafka at {settings.kafka.bootstrap} made no topics: {error}") from None
    finally:
        admin.close()


def partitions_of(settings: Settings, topic: str) -> int:
    """How many partitions a topic has. Raises `ServerUnavailable`, also where the topic is not there (yet)."""
    admin = _admin(settings)
    try:
        described = admin.describe_topics([topic])
        count = len(described[0].get("partitions") or [])
    except KafkaError as error:
        raise ServerUnavailable(f"Kafka at {settings.kafka.bootstrap}: {error}") from None
    finally:
        admin.close()
    if not count:
        raise ServerUnavailable(f"Kafka at {settings.kafka.bootstrap} has no topic {topic}; run {CREATED_BY}")
    return count


def _admin(settings: Settings) -> KafkaAdminClient:
    try:
        return KafkaAdminClient(
            bootstrap_servers=settings.kafka.bootstrap,
            bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            request_timeout_ms=10_000,
            client_id="groundswell-admin",
        )
    except (KafkaError, OSError, ValueError) as error:
        reason = type(error).__name__
        raise ServerUnavailable(
            f"Kafka at {settings.kafka.bootstrap} does not answer ({reason}); {STARTED_BY}"
        ) from None
