"""The real stores, made from settings. Nothing is connected before it is used."""

from typing import Any, NamedTuple

import redis

from stream.settings import Settings
from stream.stores import elasticsearch_documents, redis_common
from stream.stores.elasticsearch_documents import ElasticsearchDocuments
from stream.stores.redis_cascade import RedisAnswers, RedisBudget
from stream.stores.redis_incidents import RedisIncidents
from stream.stores.redis_stories import RedisStories
from stream.stores.redis_trends import RedisTrends


def _redis(settings: Settings) -> redis.Redis:
    return redis_common.connect(settings.redis.url, timeout_s=30)


def story_store(settings: Settings) -> RedisStories:
    """Stories in Redis, under the settings' prefix."""
    return RedisStories(_redis(settings), f"{settings.prefix}groundswell")


def trend_store(settings: Settings) -> RedisTrends:
    """Trends in Redis, under the settings' prefix."""
    return RedisTrends(_redis(settings), f"{settings.prefix}groundswell", settings.shards)


def incident_book(settings: Settings) -> RedisIncidents:
    """Incidents and the sent-log in Redis, under the settings' prefix."""
    return RedisIncidents(_redis(settings), f"{settings.prefix}groundswell")


def cascade_budget(settings: Settings) -> RedisBudget:
    """The cascade's money in Redis, under the settings' prefix; impatient, since a batch waits for it."""
    client = redis_common.connect(settings.redis.url, timeout_s=2)
    return RedisBudget(client, f"{settings.prefix}groundswell", settings.cascade.currency)


def cascade_answers(settings: Settings) -> RedisAnswers:
    """The cascade's answers in Redis, under the settings' prefix."""
    client = redis_common.connect(settings.redis.url, timeout_s=2)
    return RedisAnswers(client, f"{settings.prefix}groundswell", settings.cascade.cache_days)


class Seen(NamedTuple):
    """A server that answered: its version, and its clock in ms since 1970 where it tells one."""

    version: str
    clock_ms: int | None = None
    warning: str = ""


def redis_seen(settings: Settings) -> Seen:
    """Ask Redis who it is; raises `ServerUnavailable`. It warns where Redis may drop keys that are in use."""
    with _redis(settings) as client, redis_common.faults_named(client):
        told: Any = client.info()
        seconds, micros = client.time()
    policy = str(told.get("maxmemory_policy", "noeviction"))
    evicts = bool(told.get("maxmemory")) and policy != "noeviction"
    warning = (
        f"maxmemory-policy is {policy}: trends may be dropped while in use; set it to noeviction" if evicts else ""
    )
    return Seen(str(told["redis_version"]), int(seconds) * 1000 + int(micros) // 1000, warning)


def elasticsearch_seen(settings: Settings) -> Seen:
    """Ask Elasticsearch who it is; raises `ServerUnavailable`."""
    return Seen(elasticsearch_documents.version_of(settings.elasticsearch.url))


def document_store(settings: Settings) -> ElasticsearchDocuments:
    """Documents in Elasticsearch, under the settings' prefix."""
    client = elasticsearch_documents.connect(settings.elasticsearch.url)
    return ElasticsearchDocuments(client, f"{settings.prefix}groundswell")
