"""A whole encoder model of a few thousand random weights, written as a folder; and its mathematics in plain NumPy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from classifier.encoder import artifact
from classifier.encoder.calibration import Calibration
from classifier.encoder.graph import packed
from classifier.encoder.shape import Pooling, Precision, Shape
from classifier.labels import topic_ids

F = npt.NDArray[np.float64]
WINDOW = 16
_SPECIAL = ["[PAD]", "[unused1]", "[unused2]", "[unused3]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_WORDS = (
    "shares of acme beta fall rise flat profit loss rocket ! . , % 0 1 2 3 4 5 6 7 8 9 "
    "a b c d e f g h i j k l m n o p q r s t u v w x y z"
)
_HAN = "公司利润亏损上涨下跌大幅增长减少火箭股价平安银行"


def shape(pooling: Pooling = "mean") -> Shape:
    """The sizes of the tiny encoder."""
    return Shape(vocabulary=len(vocabulary()), width=16, layers=2, heads=4, inner=32, positions=WINDOW, pooling=pooling)


def vocabulary() -> list[str]:
    """Its tokens: some words, all letters, some Han characters."""
    letters = [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    return list(dict.fromkeys([*_SPECIAL, *_WORDS.split(), *letters, *_HAN]))


def tokenizer() -> dict[str, Any]:
    """A tokenizer.json in the manner of BERT's."""
    vocab = {token: place for place, token in enumerate(vocabulary())}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": vocab[token],
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }


def tensors(seed: int = 0, pooling: Pooling = "mean") -> dict[str, npt.NDArray[np.float32]]:
    """Random weights under torch's names."""
    own, random = shape(pooling), np.random.default_rng(seed)

    def some(*size: int, scale: float = 0.3) -> npt.NDArray[np.float32]:
        return random.normal(0, scale, size).astype(np.float32)

    def norm(name: str) -> dict[str, npt.NDArray[np.float32]]:
        return {f"{name}.weight": 1 + some(own.width, scale=0.1), f"{name}.bias": some(own.width, scale=0.1)}

    arrays = {
        "embeddings.word_embeddings.weight": some(own.vocabulary, own.width, scale=1.0),
        "embeddings.position_embeddings.weight": some(own.positions, own.width),
        "embeddings.token_type_embeddings.weight": some(2, own.width),
        **norm("embeddings.LayerNorm"),
    }
    for layer in range(own.layers):
        at = f"encoder.layer.{layer}."
        for part, out, width in (
            ("attention.self.query", own.width, own.width),
            ("attention.self.key", own.width, own.width),
            ("attention.self.value", own.width, own.width),
            ("attention.output.dense", own.width, own.width),
            ("intermediate.dense", own.inner, own.width),
            ("output.dense", own.width, own.inner),
        ):
            arrays |= {f"{at}{part}.weight": some(out, width), f"{at}{part}.bias": some(out, scale=0.1)}
        arrays |= norm(f"{at}attention.output.LayerNorm") | norm(f"{at}output.LayerNorm")
    for head, size in (("sentiment", 3), ("topics", len(topic_ids()))):
        arrays |= {f"{head}.weight": some(size, own.width, scale=1.0), f"{head}.bias": some(size)}
    return arrays


def write(folder: Path, precision: Precision = "int8", seed: int = 0) -> artifact.Config:
    """Write a model with an encoder for each language; they differ in their weights and their pooling."""
    poolings: dict[str, Pooling] = {"en": "mean", "zh": "cls"}
    settings = json.dumps(tokenizer(), ensure_ascii=False).encode()
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        language: artifact.write_part(
            folder,
            language,
            shape(pooling),
            WINDOW,
            precision,
            packed(tensors(seed + place, pooling), shape(pooling), precision),
            settings,
        )
        for place, (language, pooling) in enumerate(poolings.items())
    }
    return artifact.sign(folder, "tiny", "1", parts, Calibration())


def forward(weights: dict[str, npt.NDArray[np.float32]], own: Shape, ids: tuple[int, ...]) -> tuple[F, F]:
    """Judge one row of ids by BERT's mathematics (Devlin et al. 2019) in float64: sentiment and topic logits."""
    get = {name: array.astype(np.float64) for name, array in weights.items()}

    def linear(name: str, x: F) -> F:
        return np.asarray(x @ get[f"{name}.weight"].T + get[f"{name}.bias"])

    def norm(name: str, x: F) -> F:
        spread = x.var(axis=-1, keepdims=True)
        scaled = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(spread + own.epsilon)
        return np.asarray(scaled * get[f"{name}.weight"] + get[f"{name}.bias"])

    words = get["embeddings.word_embeddings.weight"][list(ids)]
    places = get["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm("embeddings.LayerNorm", words + places + get["embeddings.token_type_embeddings.weight"][0])
    for layer in range(own.layers):
        at = f"encoder.layer.{layer}."
        query, key, value = (
            linear(f"{at}attention.self.{name}", x).reshape(len(ids), own.heads, -1).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(own.width / own.heads)
        share = np.exp(scores - scores.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        seen = (share @ value).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(f"{at}attention.output.LayerNorm", linear(f"{at}attention.output.dense", seen) + x)
        inner = linear(f"{at}intermediate.dense", x)
        gelu = 0.5 * inner * (1 + erf(inner / np.sqrt(2)))
        x = norm(f"{at}output.LayerNorm", linear(f"{at}output.dense", gelu) + x)
    pooled = x[0] if own.pooling == "cls" else x.mean(axis=0)
    return linear("sentiment", pooled), linear("topics", pooled)
