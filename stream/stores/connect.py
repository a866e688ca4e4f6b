"""The real stores, made from settings. Nothing is connected before it is used."""

import elasticsearch
import redis

from stream.settings import Settings
from stream.stores.elasticsearch_documents import ElasticsearchDocuments
from stream.stores.redis_incidents import RedisIncidents
from stream.stores.redis_stories import RedisStories
from stream.stores.redis_trends import RedisTrends


def _redis(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(settings.redis.url, socket_timeout=30, socket_connect_timeout=5)


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
    client = elasticsearch.Elasticsearch(settings.elasticsearch.url, request_timeout=30, max_retries=0)
    return ElasticsearchDocuments(client, settings.prefix)
