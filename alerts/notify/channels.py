"""The channels: what one is, their settings, and how they are made from them. Each kind has a file of its own beside
this one; order, retries and the sent-log are the dispatcher's.
"""

from collections.abc import Callable
from typing import Annotated, Literal, Protocol, TextIO

import msgspec

from alerts.errors import ChannelError
from alerts.events import Alert
from alerts.message import Message
from alerts.notify.console import Console
from alerts.notify.email import Email
from alerts.notify.webhook import Webhook

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Channel(Protocol):
    """A way to people. `name` is its key in the sent-log and must not change while alerts are on their way."""

    @property
    def name(self) -> str:
        """Unique among the channels in use."""
        ...

    def send(self, message: Message, alert: Alert) -> None:
        """Returns once the receiver has confirmed; raises `DeliveryFailed` otherwise."""
        ...


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receiver of signed JSON. The URL may carry a token, so it is as secret as the key."""

    name: Name
    url: str
    secret: Annotated[str, msgspec.Meta(min_length=8)]

    def __repr__(self) -> str:
        return f"WebhookSettings(name={self.name!r}, url='***', secret='***')"


class EmailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mail server and who gets mail through it; without `username` nobody logs in."""

    name: Name
    host: str
    sender: str
    recipients: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    port: Port = 587
    username: str | None = None
    password: str | None = None
    starttls: bool = True

    def __repr__(self) -> str:
        return f"EmailSettings(name={self.name!r}, host={self.host!r}, port={self.port}, password='***')"


class Channels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where alerts go, in which language, and the address of the desk that messages link to."""

    console: bool = True
    webhook: tuple[WebhookSettings, ...] = ()
    email: tuple[EmailSettings, ...] = ()
    language: Literal["en", "zh"] = "en"
    desk_url: str | None = None


def make_channels(settings: Channels, stream: TextIO, now_s: Callable[[], float]) -> list[Channel]:
    """The channels of the settings: console on `stream`, one per webhook, one per mail recipient.

    A recipient is a channel of its own, so that one refused address neither loses nor repeats the others' mail.
    `now_s` gives seconds since 1970. Raises `ChannelError` for settings that cannot work.
    """
    made: list[Channel] = [Console(stream)] if settings.console else []
    made += [Webhook(name=hook.name, url=hook.url, secret=hook.secret, now_s=now_s) for hook in settings.webhook]
    for mail in settings.email:
        made += [
            Email(
                name=mail.name,
                host=mail.host,
                port=mail.port,
                sender=mail.sender,
                recipient=recipient,
                username=mail.username,
                password=mail.password,
                starttls=mail.starttls,
                now_s=now_s,
            )
            for recipient in mail.recipients
        ]
    names = [channel.name for channel in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ChannelError(f"channels: {', '.join(twice)} is there twice; give each channel a name of its own")
    return made
