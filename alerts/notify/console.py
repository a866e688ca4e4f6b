"""Alerts on a text stream, one block each; coloured only on a terminal."""

from typing import TextIO

from alerts.errors import DeliveryFailed
from alerts.events import Alert, Severity
from alerts.message import Message

_COLOUR: dict[Severity, str] = {"warning": "\x1b[33m", "major": "\x1b[35m", "critical": "\x1b[31m"}
_RESET = "\x1b[0m"
_RULE = "─" * 72


class Console:
    """Writes to `stream`; a message counts as sent once it is flushed."""

    name = "console"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, message: Message, alert: Alert) -> None:
        """Writes one block in one call, so that blocks of several threads do not mix."""
        head, _, body = message.text.partition("\n")
        try:
            if self._stream.isatty():
                head = f"{_COLOUR[alert.severity]}{head}{_RESET}"
            block = f"{_RULE}\n{head}\n{body}\n"
            self._stream.write(self._printable(block))
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            raise DeliveryFailed(f"console: cannot be written to ({error})", recoverable=False) from None

    def _printable(self, text: str) -> str:
        """What the stream's encoding lacks becomes `?`: better than no alert on an old terminal."""
        encoding = self._stream.encoding or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)
