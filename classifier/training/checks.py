"""What must hold of rows before any epoch is run."""

from collections.abc import Sequence

from classifier.errors import TrainingError
from classifier.training.mixture import Row

FEWEST_ROWS = 50


def check(rows: Sequence[Row]) -> None:
    """Refuse data that cannot teach: too few rows, or one sentiment only."""
    told = [row for row in rows if row.nameable]
    if len(told) < FEWEST_ROWS:
        raise TrainingError(f"{len(told)} rows with a sentiment are too few to train on; give at least {FEWEST_ROWS}")
    if len({row.allowed for row in told}) < 2:
        raise TrainingError("all rows carry the same sentiment; give rows of at least two")
