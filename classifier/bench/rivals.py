"""The same weights in other hands: the baselines of `bench classify`. Needs torch, transformers and onnx."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from onnxruntime import InferenceSession
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, TextClassificationPipeline
from transformers import BertForSequenceClassification as Bert
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging as transformers_logging

from classifier.encoder import artifact, graph
from classifier.encoder.network import Network, bert_config, padded, pool
from classifier.encoder.runtime import Lanes, OnnxRuntime, parts, session
from classifier.encoder.runtime import padded as padded_arrays
from classifier.encoder.shape import Pooling
from classifier.judgements import F64
from classifier.labels import SENTIMENTS

BATCH = 32
_BUDGET = 2048  # padded tokens of a batch whose operators all threads share: the best of 1,024, 2,048, 4,096

Judging = Callable[[Sequence[str]], F64]  # texts in normal form -> sentiment logits [n, 3]


class BertForSequenceClassification(Bert):  # type: ignore[misc]
    """As transformers has it, which knows its pipelines by this name, but pooled as the weights were trained."""

    def __init__(self, config: BertConfig, pooling: Pooling) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.pooling = pooling

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> SequenceClassifierOutput:
        hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
        return SequenceClassifierOutput(logits=self.classifier(pool(hidden, attention_mask, self.pooling)))


class Rivals:
    """One language's encoder of a model folder, run by transformers, by torch, and by ONNX Runtime in float32."""

    def __init__(self, folder: Path, language: str, threads: int) -> None:
        torch.set_num_threads(threads)
        encoder = artifact.read(folder).encoders[language]
        self._tokens, self._window = encoder.tokens, encoder.part.window
        self._shape = encoder.part.shape
        self._arrays = graph.unpacked(encoder.weights, self._shape)
        self._settings = (folder / language / artifact.TOKENIZER).read_text(encoding="utf-8")
        self._network = Network(self._shape, attention="sdpa")
        self._network.load_arrays(self._arrays)
        self._network.eval()
        kept = graph.packed(self._arrays, self._shape, "float32")
        self._float = session(graph.build(self._shape, kept, "float32"), kept, threads)
        self._shared = session(encoder.graph, encoder.weights, threads)
        self._whole = OnnxRuntime(encoder.graph, encoder.weights, Lanes(threads))
        self._one_thread = OnnxRuntime(encoder.graph, encoder.weights, Lanes(1))

    def pipeline(self, batch: int, device: str = "cpu") -> Judging:
        """`transformers.pipeline("text-classification")` on the weights, in batches as the texts come; a card computes
        in float16."""
        transformers_logging.set_verbosity_error()
        model = BertForSequenceClassification(bert_config(self._shape, num_labels=len(SENTIMENTS)), self._shape.pooling)
        names = {name: torch.from_numpy(np.array(array)) for name, array in self._arrays.items()}
        heads = {"sentiment.weight": "classifier.weight", "sentiment.bias": "classifier.bias"}
        state = {heads.get(name, f"bert.{name}"): value for name, value in names.items() if "topics" not in name}
        model.load_state_dict(state, strict=False)
        model.eval()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=_tokenizer(self._settings),
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            unk_token="[UNK]",
            model_max_length=self._window,
        )
        if device != "cpu":
            model.half()
        pipe = TextClassificationPipeline(model=model, tokenizer=tokenizer, device=torch.device(device))
        places = {model.config.id2label[place]: place for place in range(len(SENTIMENTS))}

        def judge(texts: Sequence[str]) -> F64:
            said = pipe(list(texts), batch_size=batch, top_k=None, function_to_apply="none", truncation=True)
            logits = np.empty((len(texts), len(SENTIMENTS)))
            for row, labels in enumerate(said):
                for one in labels:
                    logits[row, places[one["label"]]] = one["score"]
            return logits

        return judge

    def torch_sorted(self, texts: Sequence[str]) -> F64:
        """Torch in float32, batches of 32 texts of like length."""
        rows = self._rows(texts)
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        logits = np.empty((len(rows), len(SENTIMENTS)))
        with torch.inference_mode():
            for at in range(0, len(rows), BATCH):
                part = order[at : at + BATCH]
                logits[part] = self._network(*padded([rows[place] for place in part]))[0].numpy()
        return logits

    def onnx_unsorted(self, texts: Sequence[str]) -> F64:
        """ONNX Runtime in float32, batches of 32 texts as they come."""
        rows = self._rows(texts)
        return _run(self._float, rows, [np.arange(at, min(at + BATCH, len(rows))) for at in range(0, len(rows), BATCH)])

    def onnx_sorted(self, texts: Sequence[str]) -> F64:
        """ONNX Runtime in float32, sorted under a budget of tokens; the threads share each operator."""
        rows = self._rows(texts)
        return _run(self._float, rows, _sorted_parts(rows))

    def onnx_shared(self, texts: Sequence[str]) -> F64:
        """The same in the model's own precision."""
        rows = self._rows(texts)
        return _run(self._shared, rows, _sorted_parts(rows))

    def onnx_whole(self, texts: Sequence[str]) -> F64:
        """The model's own precision, small sorted batches, one on each thread: what the engine runs, without it."""
        return self._whole.logits(self._rows(texts))[0]

    def onnx_one_thread(self, texts: Sequence[str]) -> F64:
        """The same on one thread."""
        return self._one_thread.logits(self._rows(texts))[0]

    def _rows(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        return [one.windows[0] for one in self._tokens.encode(texts, [None] * len(texts), 1)]


def _sorted_parts(rows: Sequence[Sequence[int]]) -> list[npt.NDArray[np.intp]]:
    lengths = np.array([len(row) for row in rows])
    return parts(np.argsort(lengths, kind="stable"), lengths, _BUDGET)


def _run(one: InferenceSession, rows: Sequence[Sequence[int]], cut: Sequence[npt.NDArray[np.intp]]) -> F64:
    logits = np.empty((len(rows), len(SENTIMENTS)))
    for part in cut:
        ids, present = padded_arrays([rows[place] for place in part])
        logits[part] = one.run(["sentiment_logits"], {"ids": ids, "present": present})[0]
    return logits


def _tokenizer(settings: str) -> Any:
    """The tokenizer with [CLS] and [SEP] around each text, which files of encoders do not all say."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer.from_str(settings)
    marks = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    return tokenizer
