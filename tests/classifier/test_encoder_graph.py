"""The encoder's graph: it computes BERT, a text's result is its own, and weights survive packing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.encoder.graph import build, packed, rounded, unpacked
from classifier.encoder.runtime import Lanes, OnnxRuntime, parts
from classifier.encoder.shape import Pooling, Precision, shape_of
from classifier.errors import ArtifactError
from tests.classifier import tiny_encoder as tiny
from tests.examples import examples

ROWS = st.lists(st.integers(0, len(tiny.vocabulary()) - 1), min_size=1, max_size=tiny.WINDOW)


def runtime(precision: Precision, pooling: Pooling = "mean") -> OnnxRuntime:
    own = tiny.shape(pooling)
    kept = packed(tiny.tensors(0, pooling), own, precision)
    return OnnxRuntime(build(own, kept, precision), kept, Lanes(1))


EXACT = {pooling: runtime("float32", pooling) for pooling in ("mean", "cls")}
EIGHT_BITS = runtime("int8")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@given(rows=st.lists(ROWS, min_size=1, max_size=5))
@examples(40)
def test_the_float_graph_computes_bert(pooling: Pooling, rows: list[list[int]]) -> None:
    sentiment, topics = EXACT[pooling].logits(rows)
    for place, row in enumerate(rows):
        want = tiny.forward(tiny.tensors(0, pooling), tiny.shape(pooling), tuple(row))
        np.testing.assert_allclose(sentiment[place], want[0], atol=2e-4)
        np.testing.assert_allclose(topics[place], want[1], atol=2e-4)


@given(rows=st.lists(ROWS, min_size=2, max_size=6))
@examples(60)
def test_eight_bits_give_a_text_the_same_result_in_any_company(rows: list[list[int]]) -> None:
    together, _ = EIGHT_BITS.logits(rows)
    alone = np.concatenate([EIGHT_BITS.logits([row])[0] for row in rows])
    # One value in a million may fall on the other side of a rounding step; then one step of 1/127 shows.
    np.testing.assert_allclose(together, alone, atol=2e-2)
    assert np.mean(np.abs(together - alone) < 1e-5) > 0.9


def test_eight_bits_stay_near_the_float_weights() -> None:
    random = np.random.default_rng(1)
    rows = [random.integers(0, len(tiny.vocabulary()), random.integers(2, tiny.WINDOW)).tolist() for _ in range(300)]
    exact, near = EXACT["mean"].logits(rows)[0], EIGHT_BITS.logits(rows)[0]
    assert np.abs(exact - near).mean() < 0.05 * exact.std()
    assert (exact.argmax(1) == near.argmax(1)).mean() > 0.95


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_weights_come_back_from_packing_as_they_were(pooling: Pooling) -> None:
    weights, own = tiny.tensors(0, pooling), tiny.shape(pooling)
    back = unpacked(packed(weights, own, "float32"), own)
    assert back.keys() == weights.keys()
    rows = [(5, 9, 11, 20, 6), (5, 6)]
    for row in rows:  # positions and token types are folded into one another, so the judgement is compared
        np.testing.assert_allclose(tiny.forward(back, own, row)[0], tiny.forward(weights, own, row)[0], atol=1e-5)
    eight = unpacked(packed(weights, own, "int8"), own)
    for name in ("encoder.layer.0.output.dense.weight", "embeddings.word_embeddings.weight"):
        step = np.abs(weights[name]).max(axis=1, keepdims=True) / 127
        assert (np.abs(eight[name] - weights[name]) <= step * 0.51).all()


@given(st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4))
def test_rounding_is_never_off_by_more_than_half_a_step(values: list[float]) -> None:
    weight = np.array(values, dtype=np.float32).reshape(2, 2)
    eight, step = rounded(weight, 0)
    assert (np.abs(eight * step - weight) <= step * 0.501 + 1e-9).all()


def test_sizes_are_read_off_the_weights() -> None:
    assert shape_of(tiny.tensors(), "mean", heads=4) == tiny.shape()


@given(st.lists(st.integers(1, 90), min_size=1, max_size=60), st.integers(90, 300))
def test_batches_keep_to_the_budget_and_lose_no_row(lengths: list[int], budget: int) -> None:
    sizes = np.array(lengths)
    order = np.argsort(sizes, kind="stable")
    cut = parts(order, sizes, budget)
    assert np.concatenate(cut).tolist() == order.tolist()
    assert all(len(part) * sizes[part].max() <= budget for part in cut)


def test_a_graph_that_is_none_is_refused() -> None:
    with pytest.raises(ArtifactError, match="cannot read the encoder"):
        OnnxRuntime(b"no graph", {}, Lanes(1))
