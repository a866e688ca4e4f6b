"""How much arithmetic an encoder's answers need, and how much a machine can do: the two sides of its utilisation.

Counted are matrix products, a multiplication with its addition as two (Kaplan et al. 2020, "Scaling Laws for Neural
Language Models", table 1; Chowdhery et al. 2022, "PaLM", appendix B, for the utilisation). No clock is asked here.
"""

from collections.abc import Callable, Sequence

import numpy as np

from classifier.encoder.shape import Shape
from classifier.labels import SENTIMENTS, topic_ids

_ROUNDS = 5
_SIDE = {"cpu": 2048, "cuda": 8192}  # of the square matrices: large enough that nothing but their product counts


def flops(shape: Shape, lengths: Sequence[int]) -> int:
    """Return the operations of one forward pass over rows of these lengths in tokens, without any padding.

    With width w, inner width m and a row of L tokens, a layer costs 2 L (4 w² + 2 w m) + 4 L² w: query, key, value and
    output; the two inner matrices; scores and their weighted sum. The heads cost 2 w each label once a row. An encoder
    that is read at its first token needs no more of its last layer than keys and values of all its tokens.
    """
    rows, tokens, squares = len(lengths), sum(lengths), sum(length * length for length in lengths)
    width, inner = shape.width, shape.inner
    a_token = 2 * (4 * width * width + 2 * width * inner)
    whole = tokens * a_token + 4 * squares * width
    last = whole
    if shape.pooling == "cls":
        a_key = 2 * 2 * width * width
        last = tokens * a_key + rows * (a_token - a_key) + 4 * tokens * width
    heads = rows * 2 * width * (len(SENTIMENTS) + len(topic_ids()))
    return (shape.layers - 1) * whole + last + heads


def peak_flops(device: str | None, precision: str, clock_s: Callable[[], float], side: int | None = None) -> float:
    """Return the operations a second of the fastest of some products of square matrices.

    `device` None measures NumPy in float32; `cpu`, `cuda` and `cuda:N` measure torch in `precision` (bf16, fp16, fp32).
    """
    size = side or _SIDE[(device or "cpu").partition(":")[0]]
    multiply = _product(size) if device is None else _torch_product(device, precision, size)
    multiply()
    spent = []
    for _ in range(_ROUNDS):
        started_s = clock_s()
        multiply()
        spent.append(clock_s() - started_s)
    return float(2 * size**3 / max(min(spent), 1e-9))


def _product(size: int) -> Callable[[], None]:
    one = np.random.default_rng(0).random((size, size), dtype=np.float32)
    result = np.empty_like(one)

    def multiply() -> None:
        np.matmul(one, one, out=result)

    return multiply


def _torch_product(device: str, precision: str, size: int) -> Callable[[], None]:
    import torch

    from classifier.encoder.packed import DTYPES

    one = torch.rand((size, size), device=device).to(DTYPES[precision])
    result = torch.empty_like(one)

    def multiply() -> None:
        torch.mm(one, one, out=result)
        if one.is_cuda:
            torch.cuda.synchronize(one.device)

    return multiply
