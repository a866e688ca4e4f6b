"""Claims about each channel, over real sockets on loopback, and about their settings."""

import base64
import email
import email.policy
import hashlib
import hmac
import io
import json
import logging
import socket
from email.message import EmailMessage

import msgspec
import pytest

from alerts.dispatcher import Delivery, Dispatcher
from alerts.errors import ChannelError, DeliveryFailed
from alerts.message import Message, render
from alerts.notify.channels import Channels, EmailSettings, WebhookSettings, make_channels
from alerts.notify.console import Console
from alerts.notify.email import Email
from alerts.notify.testing import Answer, HttpReceiver, SmtpSink
from alerts.notify.webhook import Webhook
from stream.stores.memory_incidents import MemoryIncidents
from tests.alerts.examples import alert

SECRET = "a-long-secret"
NOW_S = 1_767_618_000.5  # 2026-01-05T13:00:00.5Z


def webhook(url: str, timeout_s: float = 5.0) -> Webhook:
    return Webhook(name="hook", url=url, secret=SECRET, now_s=lambda: NOW_S, timeout_s=timeout_s)


def mail(port: int, *, starttls: bool = False, username: str | None = None, password: str | None = None) -> Email:
    return Email(
        name="mail",
        host="127.0.0.1",
        port=port,
        sender="groundswell@desk.example",
        recipient="analyst@desk.example",
        now_s=lambda: NOW_S,
        username=username,
        password=password,
        starttls=starttls,
        timeout_s=5.0,
    )


def fault(channel: Webhook | Email | Console) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        channel.send(render(alert()), alert())
    if isinstance(channel, Webhook):
        channel.close()
    return caught.value


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_webhook_posts_the_alert_and_the_message_signed() -> None:
    with HttpReceiver() as receiver:
        channel = webhook(receiver.url)
        channel.send(render(alert()), alert())
        channel.close()
    (request,) = receiver.requests
    timestamp = request.headers["x-groundswell-timestamp"]
    assert timestamp == "1767618000"
    expected = hmac.new(SECRET.encode(), timestamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-groundswell-signature"] == f"sha256={expected}"
    assert request.headers["content-type"] == "application/json"
    body = json.loads(request.body)
    assert body["alert"] == json.loads(msgspec.json.encode(alert()))
    assert body["message"]["subject"] == render(alert()).subject


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_confirms(status: int) -> None:
    with HttpReceiver([Answer(status)]) as receiver:
        channel = webhook(receiver.url)
        channel.send(render(alert()), alert())
        channel.close()


@pytest.mark.parametrize(
    ("status", "recoverable"),
    [(400, False), (401, False), (404, False), (410, False), (408, True), (429, True), (500, True), (503, True)],
)
def test_a_status_says_whether_to_try_again(status: int, recoverable: bool) -> None:
    with HttpReceiver([Answer(status)]) as receiver:
        assert fault(webhook(receiver.url)).recoverable is recoverable


def test_redirects_are_not_followed() -> None:
    with HttpReceiver() as other, HttpReceiver([Answer(307, {"Location": other.url})]) as receiver:
        failed = fault(webhook(receiver.url))
    assert not failed.recoverable
    assert other.requests == []


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("7", 7.0),
        ("Mon, 05 Jan 2026 13:01:00 GMT", 59.5),
        ("Mon, 05 Jan 2020 13:01:00 GMT", 0.0),
        ("9" * 400, 604_800.0),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header: str, wait_s: float | None) -> None:
    with HttpReceiver([Answer(429, {"Retry-After": header})]) as receiver:
        assert fault(webhook(receiver.url)).retry_after_s == wait_s


def test_the_dispatcher_waits_as_the_receiver_asked_and_sends_once() -> None:
    waits: list[float] = []
    with HttpReceiver([Answer(429, {"Retry-After": "20"}), Answer(503), Answer(200)]) as receiver:
        channel, book = webhook(receiver.url), MemoryIncidents()
        dispatcher = Dispatcher(book, book, [channel], render, sleep=waits.append, jitter=lambda: 0.0)
        assert dispatcher.dispatch([alert()]) == [Delivery(alert().id, "hook", "sent", 3)]
        assert dispatcher.dispatch([alert()]) == [Delivery(alert().id, "hook", "repeated")]
        channel.close()
    assert waits == [20.0, 2.0]
    assert len(receiver.requests) == 3


def test_nobody_there_and_no_answer_may_pass() -> None:
    assert fault(webhook(f"http://127.0.0.1:{free_port()}/x")).recoverable
    with socket.create_server(("127.0.0.1", 0)) as silent:
        failed = fault(webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/x", timeout_s=0.2))
    assert failed.recoverable
    assert str(failed) == "webhook hook: no answer in time"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x.example/", "//x.example/", "http:///x", "nothing", ""])
def test_only_http_urls_are_taken(url: str) -> None:
    with pytest.raises(ChannelError, match="webhook hook"):
        webhook(url)


def test_secrets_show_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    url = f"http://127.0.0.1:{port}/services/T0KEN"
    failed = fault(webhook(url))
    settings = Channels(
        webhook=(WebhookSettings(name="hook", url=url, secret=SECRET),),
        email=(
            EmailSettings(
                name="mail", host="h", sender="a@b.example", recipients=("c@d.example",), username="u", password="PASS"
            ),
        ),
    )
    with HttpReceiver() as receiver:
        channel = webhook(receiver.url + "/T0KEN")
        channel.send(render(alert()), alert())
        channel.close()
    seen = (
        f"{failed!r} {failed} {settings!r} {settings} {caplog.text} {make_channels(settings, io.StringIO(), float)!r}"
    )
    for secret in ("T0KEN", SECRET, "PASS"):
        assert secret not in seen


def read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def test_a_mail_has_text_and_html_and_joins_its_incident() -> None:
    with SmtpSink() as sink:
        mail(sink.port).send(render(alert(), "zh"), alert())
    (got,) = sink.mails
    made = read(got.data)
    assert (got.sender, got.recipients) == ("groundswell@desk.example", ("analyst@desk.example",))
    assert made["Subject"] == "002594.SZ / 1211.HK · 负面舆情激增 · 严重"
    assert made["Date"] == "Mon, 05 Jan 2026 13:00:00 -0000"
    assert made["Message-ID"] == "<inc-1-fired-0@desk.example>"
    assert made["References"] == "<inc-1@desk.example>"
    assert [part.get_content_type() for part in made.iter_parts()] == ["text/plain", "text/html"]
    plain_part, html_part = made.iter_parts()
    assert "47 条独立负面声音" in plain_part.get_content()
    assert "<h1" in html_part.get_content()


def test_a_subject_cannot_bring_a_header() -> None:
    with SmtpSink() as sink:
        mail(sink.port).send(Message("hello\r\nBcc: x@y.example\r\n\r\nbody", "text\n.\nmore\n", "<p>"), alert())
    (got,) = sink.mails
    made = read(got.data)
    assert made["Bcc"] is None
    assert made["Subject"] == "hello Bcc: x@y.example body"
    assert got.recipients == ("analyst@desk.example",)
    assert "text\n.\nmore" in next(made.iter_parts()).get_content().replace("\r\n", "\n")


def test_login_is_used_where_it_is_set() -> None:
    with SmtpSink() as sink:
        mail(sink.port, username="user", password="secret-word").send(render(alert()), alert())
    assert base64.b64decode(sink.mails[0].login) == b"\0user\0secret-word"


@pytest.mark.parametrize(
    ("command", "answer", "recoverable"),
    [
        ("DATA", "451 try later", True),
        ("DATA", "554 spam", False),
        ("RCPT", "450 greylisted", True),
        ("RCPT", "550 no such user", False),
    ],
)
def test_a_mail_servers_code_says_whether_to_try_again(command: str, answer: str, recoverable: bool) -> None:
    with SmtpSink({command: [answer]}) as sink:
        failed = fault(mail(sink.port))
        assert failed.recoverable is recoverable
        assert answer in str(failed)
        assert sink.mails == []
        mail(sink.port).send(render(alert()), alert())
    assert len(sink.mails) == 1


def test_a_refused_login_is_final_and_does_not_tell_the_password() -> None:
    with SmtpSink({"AUTH": ["535 no", "535 no"]}) as sink:
        failed = fault(mail(sink.port, username="user", password="secret-word"))
    assert not failed.recoverable
    assert "secret-word" not in str(failed)


def test_mail_is_never_sent_in_the_clear_where_starttls_is_asked_for() -> None:
    with SmtpSink() as sink:
        failed = fault(mail(sink.port, starttls=True))
    assert not failed.recoverable
    assert sink.mails == []


def test_a_mail_server_that_is_away_may_come_back() -> None:
    assert fault(mail(free_port())).recoverable


@pytest.mark.parametrize("address", ["x", "a@b\r\nBcc: c@d", "a b@c.example", "a@b.example,c@d.example", "@x", "<a@b>"])
def test_addresses_that_are_none_are_refused(address: str) -> None:
    with pytest.raises(ChannelError, match="email mail"):
        Email(name="mail", host="h", port=25, sender="a@b.example", recipient=address, now_s=lambda: 0.0)


def test_the_console_writes_one_clean_block() -> None:
    stream = io.StringIO()
    Console(stream).send(render(alert()), alert())
    written = stream.getvalue()
    assert written.startswith("─" * 72 + "\n002594.SZ / 1211.HK · negative surge · critical\n")
    assert "\x1b" not in written


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_colour_in_the_heading_only() -> None:
    stream = Terminal()
    Console(stream).send(render(alert()), alert())
    assert stream.getvalue().splitlines()[1] == "\x1b[31m002594.SZ / 1211.HK · negative surge · critical\x1b[0m"
    assert stream.getvalue().count("\x1b") == 2


def test_an_old_terminal_gets_the_alert_too() -> None:
    under = io.BytesIO()
    stream = io.TextIOWrapper(under, encoding="ascii")
    Console(stream).send(render(alert(), "zh"), alert())
    assert b"47 " in under.getvalue()


def test_a_closed_console_is_a_failed_delivery() -> None:
    stream = io.StringIO()
    stream.close()
    assert not fault(Console(stream)).recoverable


def test_settings_become_channels_one_for_each_recipient() -> None:
    settings = msgspec.convert(
        {
            "webhook": [{"name": "risk", "url": "https://hooks.example/x", "secret": SECRET}],
            "email": [
                {"name": "mail", "host": "h", "sender": "a@b.example", "recipients": ["c@d.example", "e@f.example"]}
            ],
            "language": "zh",
        },
        Channels,
    )
    names = [channel.name for channel in make_channels(settings, io.StringIO(), lambda: 0.0)]
    assert names == ["console", "risk", "mail:c@d.example", "mail:e@f.example"]
    assert make_channels(Channels(console=False), io.StringIO(), lambda: 0.0) == []


def test_two_channels_cannot_share_a_name() -> None:
    hook = WebhookSettings(name="same", url="https://hooks.example/x", secret=SECRET)
    with pytest.raises(ChannelError, match="same"):
        make_channels(Channels(webhook=(hook, hook)), io.StringIO(), lambda: 0.0)
