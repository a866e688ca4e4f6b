"""The batching engine: any model behind the common interface, fed by many callers, at full batches. The public face."""

from classifier.engine.cache import Cache
from classifier.engine.engine import Engine, Request
from classifier.engine.settings import EngineSettings

__all__ = ["Cache", "Engine", "EngineSettings", "Request"]
