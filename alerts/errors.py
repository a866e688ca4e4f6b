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


class BudgetError(AlertsError):
    """A false-alarm budget is not a positive number."""
