"""Alerts by SMTP as text and HTML, to one recipient a channel. A mail's id comes from the alert's, so that mail
programs fold a repeat, and all mails of an incident make one thread.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate

from alerts.errors import ChannelError, DeliveryFailed
from alerts.events import Alert
from alerts.message import Message
from alerts.plain import cut, plain

TIMEOUT_S = 20.0
_ADDRESS = re.compile(r"[^\s<>@,;:\"\\\x00-\x1f\x7f]+@[A-Za-z0-9.-]+\Z")


class Email:
    """Sends through one server to one address; its name is the given one and the address. `now_s` is since 1970."""

    def __init__(
        self,
        *,
        name: str,
        host: str,
        port: int,
        sender: str,
        recipient: str,
        now_s: Callable[[], float],
        username: str | None = None,
        password: str | None = None,
        starttls: bool = True,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        for address in (sender, recipient):
            if not _ADDRESS.match(address):
                raise ChannelError(f"email {name}: {address!r} is no address of the form name@example.org")
        if (username is None) != (password is None):
            raise ChannelError(f"email {name}: username and password go together; set both or neither")
        self.name = f"{name}:{recipient}"
        self._host, self._port = host, port
        self._sender, self._recipient = sender, recipient
        self._username, self._password = username, password
        self._starttls, self._timeout_s, self._now_s = starttls, timeout_s, now_s

    def send(self, message: Message, alert: Alert) -> None:
        """See `Channel.send`. The server's 250 after the data confirms; what fails after it is not a failure."""
        mail = self._compose(message, alert)
        try:
            client = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
            try:
                self._deliver(client, mail)
                with suppress(OSError):
                    client.quit()
            finally:
                client.close()
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[self._recipient]
            raise self._refused(code, answer) from None
        except smtplib.SMTPResponseException as error:
            raise self._refused(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError:
            raise DeliveryFailed(
                f"email {self.name}: the server lacks STARTTLS, login or UTF-8 addresses; check its settings",
                recoverable=False,
            ) from None
        except OSError as error:  # every other SMTPException too
            raise DeliveryFailed(f"email {self.name}: {type(error).__name__}", recoverable=True) from None

    def _deliver(self, client: smtplib.SMTP, mail: EmailMessage) -> None:
        if self._starttls:
            client.starttls(context=ssl.create_default_context())
        if self._username is not None and self._password is not None:
            client.login(self._username, self._password)
        client.send_message(mail, self._sender, [self._recipient])

    def _compose(self, message: Message, alert: Alert) -> EmailMessage:
        domain = self._sender.rpartition("@")[2]
        thread = f"<{alert.incident}@{domain}>"
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = self._recipient
        mail["Subject"] = plain(message.subject)  # one line, whatever the renderer made: no header can be smuggled in
        mail["Date"] = formatdate(self._now_s())
        mail["Message-ID"] = f"<{alert.id}@{domain}>"
        mail["References"] = thread
        mail["In-Reply-To"] = thread
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        mail.add_alternative(message.html, subtype="html")
        return mail

    def _refused(self, code: int, answer: bytes | str) -> DeliveryFailed:
        text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        return DeliveryFailed(
            f"email {self.name}: the server answered {code} {cut(plain(text), 200)}",
            recoverable=code == -1 or 400 <= code < 500,  # -1: the connection broke
        )
