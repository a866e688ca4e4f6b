"""From alerts to people: into the incident book, then out by every channel, each send confirmed before it is marked.

A crash between send and mark repeats that one send; nothing is lost, since only the sent-log says what is done. Words
are `message`'s, wires are `notify`'s, the alerts themselves come from the caller.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

from alerts.errors import DeliveryFailed
from alerts.events import Alert
from alerts.incidents import IncidentStore, SentLog
from alerts.message import Message
from alerts.notify.channels import Channel

ATTEMPTS = 5
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
PATIENCE_S = 120.0  # a receiver that asks for more is given up for this call, so that the caller is not held
DOWN_AFTER = 3

log = logging.getLogger(__name__)


class Delivery(NamedTuple):
    """What became of one alert on one channel.

    `repeated`: confirmed before, not sent again. `held`: another incident has told people, see `interrupts`, or it is
    the end of what nobody was told of. `failed` with `recoverable` is worth another call, after `retry_after_s` where
    the receiver said so; `attempts` 0 means that the channel was down and this alert not tried.
    """

    alert: str
    channel: str
    outcome: Literal["sent", "repeated", "held", "failed"]
    attempts: int = 0
    error: str = ""
    recoverable: bool = False
    retry_after_s: float | None = None


class Dispatcher:
    """Sends alerts in order on each channel, all channels side by side.

    `render` makes the message, `sleep` waits seconds, `jitter` gives numbers in [0, 1).
    """

    def __init__(
        self,
        store: IncidentStore,
        sent: SentLog,
        channels: Sequence[Channel],
        render: Callable[[Alert], Message],
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._store, self._sent, self._channels = store, sent, tuple(channels)
        self._render, self._sleep, self._jitter = render, sleep, jitter

    def dispatch(self, alerts: Sequence[Alert]) -> list[Delivery]:
        """Takes alerts into the book and sends each to each channel that has not confirmed it yet.

        Returns one delivery for each alert and channel, by channel, in order. Faults of the stores are raised, after
        all channels have come to their end; repeating the call then sends only what is not marked.
        """
        self._store.apply(alerts)
        if not self._channels or not alerts:
            return []
        held = {alert.id for alert in alerts if not interrupts(alert) or self._never_began(alert)}
        with ThreadPoolExecutor(len(self._channels), "notify") as pool:
            futures = [pool.submit(self._send_all, channel, alerts, held) for channel in self._channels]
        return [delivery for future in futures for delivery in future.result()]

    def _never_began(self, alert: Alert) -> bool:
        """Whether it is the end of an incident that the book knows no other event of: it began in a history from which
        the detector was taught, and nobody was told."""
        incident = self._store.get(alert.incident) if alert.event == "resolved" else None
        return incident is not None and incident.raised.event == "resolved"

    def _send_all(self, channel: Channel, alerts: Sequence[Alert], held: Collection[str]) -> list[Delivery]:
        """All alerts on one channel. One that cannot be sent does not hold the next, until several in a row could not:
        then the channel is taken as down, and the rest is left for another call."""
        deliveries: list[Delivery] = []
        given_up: list[Delivery] = []
        for alert in alerts:
            if alert.id in held:
                deliveries.append(Delivery(alert.id, channel.name, "held"))
            elif self._sent.was_sent(alert.id, channel.name):
                deliveries.append(Delivery(alert.id, channel.name, "repeated"))
            elif _is_down(given_up):
                untried = given_up[-1]._replace(alert=alert.id, attempts=0, error=f"not tried; {given_up[-1].error}")
                deliveries.append(untried)
            else:
                delivery = self._send(channel, alert, attempts=1 if given_up else ATTEMPTS)
                given_up = [*given_up, delivery] if delivery.recoverable else []
                deliveries.append(delivery)
        return deliveries

    def _send(self, channel: Channel, alert: Alert, attempts: int) -> Delivery:
        attempt = 1
        while True:
            try:
                channel.send(self._render(alert), alert)
            except DeliveryFailed as fault:
                wait_s = self._wait_s(attempt, fault)
                if not fault.recoverable or attempt >= attempts or wait_s > PATIENCE_S:
                    log.warning("alert %s was not sent, attempt %d: %s", alert.id, attempt, fault)
                    return _failed(alert, channel, attempt, fault)
            except Exception as error:
                # a fault of our own on one alert must stop neither the others nor the other channels
                log.exception("alert %s cannot be sent by %s", alert.id, channel.name)
                bug = DeliveryFailed(f"{channel.name}: {type(error).__name__}, see the log", recoverable=False)
                return _failed(alert, channel, attempt, bug)
            else:
                self._sent.mark_sent(alert.id, channel.name)
                return Delivery(alert.id, channel.name, "sent", attempt)
            attempt += 1
            self._sleep(wait_s)

    def _wait_s(self, attempt: int, fault: DeliveryFailed) -> float:
        """Doubling from a second, of which a random part up to a half is taken off; never less than was asked for."""
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1)) * (1 - self._jitter() / 2)
        return max(wait_s, fault.retry_after_s or 0.0)


def interrupts(alert: Alert) -> bool:
    """Whether people are told: of what a wider incident holds only when it is critical, of what a narrower one has told
    not at all."""
    return alert.told_by is None and (alert.parent is None or alert.severity == "critical")


def _is_down(given_up: Sequence[Delivery]) -> bool:
    """Whether a channel is left alone for now: several alerts in a row failed, or its receiver wants a long rest."""
    return len(given_up) >= DOWN_AFTER or any((delivery.retry_after_s or 0) > PATIENCE_S for delivery in given_up)


def _failed(alert: Alert, channel: Channel, attempts: int, fault: DeliveryFailed) -> Delivery:
    return Delivery(alert.id, channel.name, "failed", attempts, str(fault), fault.recoverable, fault.retry_after_s)
