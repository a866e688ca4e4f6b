"""The real stores, made from settings. Nothing is connected before it is used."""

import redis

from stream.settings import Settings
from stream.stores import elasticsearch_documents, redis_common
from stream.stores.elasticsearch_documents import ElasticsearchDocuments
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


def document_store(settings: Settings) -> ElasticsearchDocuments:
    """Documents in Elasticsearch, under the settings' prefix."""
    client = elasticsearch_documents.connect(settings.elasticsearch.url)
    return ElasticsearchDocuments(client, f"{settings.prefix}groundswell")
