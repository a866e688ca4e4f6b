"""Errors of the local stack: one line each, saying what is wrong and what to do about it."""


class LocalStackError(Exception):
    """Base of everything that the local stack raises on purpose."""


class MissingToolError(LocalStackError):
    """A program that the stack needs (Java, Maven, redis-server, setpriv) is not on this machine."""


class FetchError(LocalStackError):
    """A server's binaries could not be fetched, or are not the ones that were pinned."""


class PortInUseError(LocalStackError):
    """A wanted port is held by another process."""


class StartError(LocalStackError):
    """A server ended, or did not become healthy in time; the message carries the end of its log."""
