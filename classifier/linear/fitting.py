"""The numerical part of training: masked convex losses, L-BFGS, and temperatures. No files, no data sets.

A mask says which outputs a row's data set can name; what it cannot name neither pulls nor pushes a weight.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse

from classifier.linear.model import F32, F64, sigmoid

Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Loss = Callable[[F64], tuple[float, F64]]  # logits [N, K] -> mean loss, gradient [N, K]


def choice_loss(nameable: Bools, allowed: Bools, weight: F64) -> Loss:
    """Return −log of P(allowed) / P(nameable) under a softmax; `allowed` may hold several right answers [N, K]."""
    share = weight / weight.sum()

    def loss(logits: F64) -> tuple[float, F64]:
        all_log, all_share = _log_mass(np.where(nameable, logits, -np.inf))
        right_log, right_share = _log_mass(np.where(allowed, logits, -np.inf))
        return float(share @ (all_log - right_log)), (all_share - right_share) * share[:, None]

    return loss


def binary_loss(target: F64, weight: F64) -> Loss:
    """Return the cross-entropy of independent sigmoids; `weight` [N, K] is 0 where a row says nothing."""
    share = weight / len(weight)

    def loss(logits: F64) -> tuple[float, F64]:
        cost = np.logaddexp(0.0, logits) - target * logits
        return float((share * cost).sum()), (sigmoid(logits) - target) * share

    return loss


def _log_mass(logits: F64) -> tuple[F64, F64]:
    top = logits.max(axis=1, keepdims=True)
    mass = np.exp(logits - top)
    total = mass.sum(axis=1, keepdims=True)
    return (np.log(total) + top)[:, 0], mass / total


def fit(
    matrix: sparse.csr_matrix, group: Places, groups: int, loss: Loss, outputs: int, l2: float, iterations: int
) -> tuple[F32, F32]:
    """Minimise loss(matrix @ W + bias[group]) + l2/2 |W|² from zero; returns W [features, K] and bias [groups, K].

    Columns of the matrix that no row uses keep weight 0.
    """
    used = np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]))
    dense: Any = matrix[:, used]
    transposed = dense.T.tocsr()
    size = len(used) * outputs
    member = sparse.csr_matrix((np.ones(len(group)), (group, np.arange(len(group)))), shape=(groups, len(group)))

    def objective(flat: F64) -> tuple[float, F64]:
        weights = flat[:size].reshape(-1, outputs)
        logits = dense @ weights.astype(np.float32) + flat[size:].reshape(groups, outputs)[group]
        value, slope = loss(logits)
        gradient = np.empty_like(flat)
        gradient[:size] = (transposed @ slope.astype(np.float32)).ravel() + l2 * flat[:size]
        gradient[size:] = (member @ slope).ravel()
        return value + 0.5 * l2 * float(flat[:size] @ flat[:size]), gradient

    start = np.zeros(size + groups * outputs)
    found = optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "maxcor": 6}
    )
    weights = np.zeros((matrix.shape[1], outputs), dtype=np.float32)
    weights[used] = found.x[:size].reshape(-1, outputs)
    return weights, found.x[size:].reshape(groups, outputs).astype(np.float32)


def temperature(logits: F64, loss: Loss) -> float:
    """Return the divisor of the logits, in [0.2, 5], that makes held-out probabilities most truthful."""
    found = optimize.minimize_scalar(
        lambda log_t: loss(logits / np.exp(log_t))[0], bounds=(np.log(0.2), np.log(5.0)), method="bounded"
    )
    return round(float(np.exp(found.x)), 4)
