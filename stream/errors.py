"""Errors of the stream room. Each message is one line that says what is wrong and what to do."""


class GroundswellError(Exception):
    """Base of all errors a user of the stream room may see."""


class SettingsError(GroundswellError):
    """A setting is unknown, of the wrong type, or contradicts another."""


class InputError(GroundswellError):
    """A file or record given by the user cannot be used."""


class ServerUnavailable(GroundswellError):
    """Kafka, Redis or Elasticsearch does not answer; waiting and trying again may help."""


class RecordRefused(GroundswellError):
    """One record cannot be used; it belongs into the dead letters.

    `reason` is a short class of error (`undecodable`, `oversized`, `wrong_type`, `future_dated`, `empty_text`).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Fenced(GroundswellError):
    """Another worker holds the shard's lease now; whatever was computed must be thrown away."""


class NotFresh(GroundswellError):
    """A deployment has begun already, and cannot be taught from history any more."""
