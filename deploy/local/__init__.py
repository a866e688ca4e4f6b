"""Real Kafka, Redis and Elasticsearch on this machine without Docker: fetch, start, watch and stop them.

For development, tests and benchmarks. What runs in production is in docker-compose.yml and the Kubernetes files.
"""

from deploy.local.errors import LocalStackError
from deploy.local.ports import Ports
from deploy.local.stack import ServiceStatus, Stack, StackInfo, down, load, status, up

__all__ = ["LocalStackError", "Ports", "ServiceStatus", "Stack", "StackInfo", "down", "load", "status", "up"]
