"""What lets a formula be written once and run on the floats of one series or on arrays over many, to the same bits.

NumPy takes as long for one number as for a hundred; only operations that round alike in both are here.
"""

import math
from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar

import numpy as np

from alerts.tails import Floats

N = TypeVar("N", float, Floats)


class Maths(NamedTuple, Generic[N]):
    """The functions that are called otherwise for floats than for arrays, element by element."""

    least: Callable[[N, N | float], N]
    most: Callable[[N, N | float], N]
    root: Callable[[N], N]
    where: Callable[[Any, N, N], N]


def _where(condition: bool, then: float, otherwise: float) -> float:
    return then if condition else otherwise


ONE: Final = Maths[float](min, max, math.sqrt, _where)
MANY: Final = Maths[Floats](np.minimum, np.maximum, np.sqrt, np.where)
