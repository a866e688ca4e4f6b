"""Errors of the alerts room, all under one base with one-line messages that say what to do.

Programming mistakes (wrong shapes, wrong types) stay ordinary Python errors and are not listed here.
"""


class AlertsError(Exception):
    """Base of every error that the alerts room raises on purpose; its message is one line for a person."""


class StateError(AlertsError):
    """A stored state cannot be used by this version or these settings."""


class RulesError(AlertsError):
    """A rules file is wrong; the one in force stays in force."""


class CountsError(AlertsError):
    """A table of counts cannot be read at all, or holds no usable row."""


class CalendarError(AlertsError):
    """No exchange of this name is known."""


class BudgetError(AlertsError):
    """A false-alarm budget is not a positive number."""


class ChannelError(AlertsError):
    """A channel's settings cannot work; the message names the channel and the setting, never a secret."""


class DeliveryFailed(AlertsError):
    """A receiver did not confirm a message.

    `recoverable`: trying again may help. `retry_after_s`: how long the receiver asked to wait, in seconds.
    """

    def __init__(self, message: str, *, recoverable: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.recoverable = recoverable
        self.retry_after_s = retry_after_s
