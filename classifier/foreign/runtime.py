"""A foreign model in torch: texts in, logits of its labels out. The GPU is used where torch sees one.

Nothing here knows what labels mean, and nothing is fetched.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from classifier.errors import ArtifactError, ClassifierError
from classifier.judgements import F64

_CUT_CHARS = 24_000  # more than a post may hold; bounds the work on one text
_MOST_TOKENS = 4096  # of one text; what comes later changes little and costs as much
_UNSTATED_WINDOW = 512  # where neither the model nor its tokenizer says how much it reads at once
_FIRST_WINDOW_WEIGHT = 2.0  # news says first what matters
_BATCH_TOKENS = {"cpu": 2048, "cuda": 32_768}  # padded tokens at once
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which tokenizers refuse
_PROBE = "profit"


class TorchRuntime:
    """A sequence classifier of transformers with its tokenizer, both unchanged but for float32.

    A text longer than the model's window is read in windows that follow each other; its logits are their mean, the
    first counting twice.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        if (problem := model.config.problem_type) not in (None, "single_label_classification"):
            raise ArtifactError(f"it was trained for {problem}, and only models that choose one label are read")
        self._model = model.float().eval().to(self._device)
        self._tokenizer = tokenizer
        special = {
            name: tokenizer.convert_tokens_to_ids(str(token))
            for name, token in tokenizer.special_tokens_map.items()
            if isinstance(token, str)
        }
        self._unknown = special.get("unk_token")
        self._pad = special.get("pad_token")
        # A text may spell these out; models that look for their last token would take them for it.
        self._ends = {special.get(f"{name}_token") for name in ("cls", "sep", "bos", "eos", "pad")} - {self._unknown}
        self._before, self._after = self._around()
        self._body = max(1, _window(model, tokenizer) - len(self._before) - len(self._after))
        # Models that are padded on the left, or not at all, judge from the last place: padding would move it.
        self._padded = (
            self._pad is not None and tokenizer.padding_side == "right" and self._pad == model.config.pad_token_id
        )

    @classmethod
    def read(cls, folder: Path, threads: int = 0) -> "TorchRuntime":
        """Load a folder; `threads` 0 leaves their number to torch.

        Raises ArtifactError where transformers cannot load it without foreign code, or where its head is not trained.
        """
        if threads:
            torch.set_num_threads(threads)
        told = logging.get_verbosity()
        logging.set_verbosity_error()  # its bars and tables are not for the users of a command
        logging.disable_progress_bar()
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model, loaded = AutoModelForSequenceClassification.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, trust_remote_code=False, output_loading_info=True
            )
            absent = sorted(loaded["missing_keys"])
            if not absent:
                return cls(model, tokenizer)
        except Exception as error:  # each architecture and tokenizer raises kinds of its own
            raise ArtifactError(f"transformers cannot load {folder}: {' '.join(str(error).split())[:400]}") from None
        finally:
            logging.set_verbosity(told)
        raise ArtifactError(
            f"{folder} lacks {absent[0]}, so it is no trained text classifier; name one that was tuned for sentiment"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the labels in the order of the logits."""
        names = self._model.config.id2label
        return tuple(str(names.get(place, f"LABEL_{place}")) for place in range(self._model.config.num_labels))

    def logits(self, texts: Sequence[str]) -> tuple[F64, npt.NDArray[np.bool_]]:
        """Return logits [n, labels] in the texts' order, and which texts hold a token that is known; others' are 0."""
        bodies = self._bodies(texts)
        known = np.array([any(token != self._unknown for token in body) for body in bodies], dtype=bool)
        windows, owner, weight = [], [], []
        for row in np.flatnonzero(known).tolist():
            for start in range(0, len(bodies[row]), self._body):
                windows.append([*self._before, *bodies[row][start : start + self._body], *self._after])
                owner.append(row)
                weight.append(1.0 if start else _FIRST_WINDOW_WEIGHT)
        total = np.bincount(owner, weights=weight, minlength=len(bodies)) if owner else np.zeros(len(bodies))
        summed = np.zeros((len(bodies), len(self.labels)))
        np.add.at(summed, owner, self._windows_logits(windows) * np.array(weight)[:, None])
        return summed / np.where(total > 0, total, 1.0)[:, None], known

    def _bodies(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's tokens without those that stand around them."""
        if not texts:
            return []
        clean = [_SURROGATE.sub(" ", text[:_CUT_CHARS]) for text in texts]
        rows = self._tokenizer(clean, add_special_tokens=False, verbose=False)["input_ids"]
        return [[token for token in row if token not in self._ends][:_MOST_TOKENS] for row in rows]

    def _around(self) -> tuple[list[int], list[int]]:
        """Return what the tokenizer puts before and after a text; kinds of tokenizers share no call that says it."""
        body = self._tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
        whole = self._tokenizer(_PROBE)["input_ids"]
        for start in range(len(whole) - len(body) + 1):
            if whole[start : start + len(body)] == body:
                return whole[:start], whole[start + len(body) :]
        raise ArtifactError("its tokenizer writes a text in another way inside special tokens than outside")

    def _windows_logits(self, windows: Sequence[Sequence[int]]) -> F64:
        found = np.zeros((len(windows), len(self.labels)))
        lengths = [len(window) for window in windows]
        order = sorted(range(len(windows)), key=lambda place: lengths[place])
        for batch in self._batches(order, lengths):
            found[batch] = self._run([windows[place] for place in batch])
        if not np.isfinite(found).all():
            raise ClassifierError("the foreign model's logits are not finite; its weights are broken")
        return found

    def _batches(self, order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
        """Cut ascending windows into batches whose padded size keeps to the budget; singly where none may be padded."""
        batches: list[list[int]] = []
        for place in order:
            if batches and self._padded and (len(batches[-1]) + 1) * lengths[place] <= _BATCH_TOKENS[self._device]:
                batches[-1].append(place)
            else:
                batches.append([place])
        return batches

    def _run(self, windows: Sequence[Sequence[int]]) -> F64:
        shape = (len(windows), max(map(len, windows)))
        ids, present = np.full(shape, self._pad or 0, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window
            present[row, : len(window)] = 1
        with torch.inference_mode():
            given = {"input_ids": ids, "attention_mask": present}
            tensors = {name: torch.from_numpy(array).to(self._device) for name, array in given.items()}
            logits: F64 = self._model(**tensors).logits.double().cpu().numpy()
        return logits


def _window(model: Any, tokenizer: Any) -> int:
    """Return how many tokens the model reads at once, by its positions and its tokenizer."""
    stated = [tokenizer.model_max_length]  # 1e30 where it is not stated
    positions = getattr(model.config, "max_position_embeddings", None) or 0
    if positions > 0:
        # RoBERTa and its kin count positions from the padding's id on, and so have fewer than they state.
        skipped = [
            module.padding_idx + 1
            for name, module in model.named_modules()
            if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
        ]
        stated.append(positions - max(skipped, default=0))
    return min((size for size in stated if 0 < size < 1_000_000), default=_UNSTATED_WINDOW)
