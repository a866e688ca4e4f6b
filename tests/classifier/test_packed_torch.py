"""The encoder without padding: it computes what the padded one does, and no row feels another."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.encoder import artifact
from classifier.encoder.graph import packed, unpacked
from classifier.encoder.shape import Pooling, Precision
from classifier.errors import ClassifierError
from classifier.inference import SHIPPED
from tests.classifier import tiny_encoder as tiny
from tests.classifier.sanity_sentences import SENTENCES

pytestmark = pytest.mark.torch
ROW = st.lists(st.integers(0, len(tiny.vocabulary()) - 1), min_size=1, max_size=tiny.WINDOW)
each_pooling = pytest.mark.parametrize("pooling", ["mean", "cls"])
some = settings(max_examples=25, deadline=None)


@lru_cache
def encoder(pooling: Pooling = "mean", precision: Precision = "float32", number: str = "fp32") -> Any:
    from classifier.encoder.packed import PackedEncoder

    own = tiny.shape(pooling)
    return PackedEncoder(own, packed(tiny.tensors(0, pooling), own, precision), "cpu", number)  # type: ignore[arg-type]


def judged(made: Any, rows: Sequence[Sequence[int]], shape: Any = None) -> Any:
    import torch

    from classifier.encoder.packed import joined

    host = joined(rows, shape or tiny.shape())
    with torch.inference_mode():
        return made(torch.from_numpy(host.flat), host.lengths).numpy()


def by_network(rows: Sequence[Sequence[int]], weights: Any, shape: Any) -> Any:
    import torch

    from classifier.encoder.network import Network, padded

    network = Network(shape, dropout=0.0, attention="sdpa")
    network.load_arrays(weights)
    with torch.inference_mode():
        return torch.cat(network.eval()(*padded(rows)), 1).numpy()


@each_pooling
@given(rows=st.lists(ROW, min_size=1, max_size=6))
@some
def test_rows_without_padding_are_judged_as_padded_ones(pooling: Pooling, rows: list[list[int]]) -> None:
    want = by_network(rows, tiny.tensors(0, pooling), tiny.shape(pooling))
    np.testing.assert_allclose(judged(encoder(pooling), rows), want, atol=2e-5)


@each_pooling
@given(rows=st.lists(ROW, min_size=1, max_size=4))
@some
def test_the_mathematics_are_those_of_bert(pooling: Pooling, rows: list[list[int]]) -> None:
    found = judged(encoder(pooling), rows)
    for place, row in enumerate(rows):
        want = tiny.forward(tiny.tensors(0, pooling), tiny.shape(pooling), tuple(row))
        np.testing.assert_allclose(found[place], np.concatenate(want), atol=2e-4)


@each_pooling
@given(rows=st.lists(ROW, min_size=2, max_size=8))
@some
def test_batch_mates_of_any_length_change_nothing(pooling: Pooling, rows: list[list[int]]) -> None:
    together = judged(encoder(pooling), rows)
    alone = np.concatenate([judged(encoder(pooling), [row]) for row in rows])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_eight_bit_weights_are_read_as_the_float_ones_that_they_stand_for() -> None:
    own = tiny.shape()
    rows = [(5, 9, 11, 6), (5, 12, 13, 14, 15, 6), (5, 6)]
    want = by_network(rows, unpacked(packed(tiny.tensors(), own, "int8"), own), own)
    np.testing.assert_allclose(judged(encoder("mean", "int8"), rows), want, atol=2e-5)


@pytest.mark.parametrize("number", ["bf16", "fp16"])
def test_sixteen_bits_stay_near_float32(number: str) -> None:
    random = np.random.default_rng(1)
    rows = [random.integers(0, len(tiny.vocabulary()), random.integers(2, tiny.WINDOW)).tolist() for _ in range(100)]
    exact, near = judged(encoder(), rows)[:, :3], judged(encoder("mean", "float32", number), rows)[:, :3]
    assert np.abs(exact - near).mean() < 0.02 * exact.std()
    assert near.dtype == np.float32


def test_two_bytes_a_weight_are_half_the_memory() -> None:
    heads = 4 * sum(array.size for name, array in tiny.tensors().items() if name.startswith(("sentiment", "topics")))
    assert encoder("mean", "float32", "bf16").bytes - heads == (encoder().bytes - heads) / 2


def test_rows_that_a_card_would_die_of_are_refused() -> None:
    with pytest.raises(ClassifierError, match="a row of 1 to 17 tokens: give 1 to 16"):
        judged(encoder(), [(5,), (5,) * 17])
    with pytest.raises(ClassifierError, match="a row of 0 to 1 tokens"):
        judged(encoder(), [(5,), ()])
    with pytest.raises(ClassifierError, match="its tokenizer is another model's"):
        judged(encoder(), [(5, 100_000)])


def test_only_a_card_of_ampere_or_later_is_asked_for_attention_over_any_lengths() -> None:
    import torch

    from classifier.encoder.packed import has_varlen

    assert not has_varlen(torch.device("cpu"), torch.float16, tiny.shape())
    assert not has_varlen(torch.device("cuda"), torch.float32, tiny.shape())
    assert not has_varlen(torch.device("cuda"), torch.float16, tiny.shape())  # heads of 4 are too narrow


def test_attention_over_any_lengths_is_called_as_the_installed_torch_wants_it() -> None:
    """Without a card there are shapes alone to look at: no values are computed on `meta`."""
    import torch

    from classifier.encoder.packed import varlen

    query, key, value = torch.empty(10, 3, 4, 8, dtype=torch.float16, device="meta").unbind(1)
    starts = torch.empty(4, dtype=torch.int32, device="meta")
    seen = varlen(query, key, value, starts, 5)
    assert (seen.shape, seen.dtype) == ((10, 4, 8), torch.float16)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_shipped_weights_are_judged_as_by_the_padded_encoder(language: str) -> None:
    from classifier.encoder.packed import PackedEncoder

    shipped = artifact.read(SHIPPED).encoders[language]
    own = shipped.part.shape
    texts = [text for tag, _, text in SENTENCES if tag == language]
    rows = [one.windows[0] for one in shipped.tokens.encode(texts, [None] * len(texts), 1)]
    want = by_network(rows, unpacked(shipped.weights, own), own)
    made = PackedEncoder(own, shipped.weights, "cpu", "fp32")
    found = judged(made, rows, own)
    np.testing.assert_allclose(found, want, atol=1e-4)
    alone = np.concatenate([judged(made, [row], own) for row in rows])
    np.testing.assert_allclose(found, alone, atol=1e-4)
    assert (found[:, :3].argmax(1) == want[:, :3].argmax(1)).all()
