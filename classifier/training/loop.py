"""The training loop in torch: optimiser, schedule, weight averaging, early stop, checkpoints. Reads no data.

The order of rows and every random choice follow from the seed and the epoch, so that a run taken up again is the same.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from classifier.encoder.network import Network, padded
from classifier.errors import TrainingError
from classifier.training import losses
from classifier.training.mixture import Targets, batches, draw

Tune = Literal["full", "top", "lora", "heads"]
_LOG_STEPS = 50


class LoopSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an encoder is tuned; `top_layers` counts for `top`, `lora_rank` for `lora`, `patience` in epochs."""

    epochs: int = 4
    batch: int = 32
    rate: float = 1e-4
    head_rate: float = 5e-4
    warm_up: float = 0.06
    weight_decay: float = 0.01
    dropout: float = 0.1
    smoothing: float = 0.05
    averaging: float = 0.998
    distilled: float = 1.0
    temperature: float = 1.5
    shares: dict[str, float] = {}
    tune: Tune = "full"
    top_layers: int = 2
    lora_rank: int = 16
    patience: int = 2
    precision: Literal["auto", "bf16", "fp32"] = "auto"


class Material(NamedTuple):
    """Rows ready to be learnt: ids, targets, the set of each, and a teacher's P(sentiment) [n, 3] (NaN: not judged)."""

    ids: Sequence[tuple[int, ...]]
    targets: Targets
    groups: Sequence[str]
    taught: npt.NDArray[np.float32]


class Told(NamedTuple):
    """What a step of the loop reports: the epoch, the step of all steps, seconds left, and the loss since the last."""

    epoch: int
    step: int
    steps: int
    left_s: float
    loss: float


def tune(
    network: Network,
    material: Material,
    settings: LoopSettings,
    seed: int,
    score: Callable[[Network], dict[str, float]],
    folder: Path,
    tell: Callable[[Told], None],
    clock_s: Callable[[], float],
) -> list[dict[str, Any]]:
    """Train `network` in place and leave it with the averaged weights of its best epoch; returns the curve.

    `score` gives dev figures, of which `goal` decides. A checkpoint in `folder` is taken up where it left off.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = _half(settings, device)
    torch.manual_seed(seed)
    _choose_parameters(network, settings)
    network.to(device)
    optimiser = _optimiser(network, settings)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.averaging))
    lengths = np.array([len(row) for row in material.ids])
    plan = [
        batches(draw(material.groups, settings.temperature, settings.shares, random), lengths, settings.batch, random)
        for random in (np.random.default_rng([seed, epoch]) for epoch in range(settings.epochs))
    ]
    steps = sum(map(len, plan))
    curve, done, best = _resume(folder, network, averaged, optimiser)
    started_s, first = clock_s(), done
    for epoch in range(len(curve), settings.epochs):
        if _stale(curve, settings.patience):
            break
        torch.manual_seed(seed * 1000 + epoch)
        network.train()
        total, losses_since = 0.0, 0.0
        for places in plan[epoch]:
            rate = _schedule(done, steps, settings.warm_up)
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * rate
            loss = _step(network, optimiser, material, places, settings, device, half)
            averaged.update_parameters(network)
            total, losses_since, done = total + loss, losses_since + loss, done + 1
            if done % _LOG_STEPS == 0:
                left_s = (clock_s() - started_s) / (done - first) * (steps - done)
                tell(Told(epoch, done, steps, left_s, losses_since / _LOG_STEPS))
                losses_since = 0.0
        averaged.module.eval()
        figures = score(averaged.module)
        curve.append({"epoch": epoch, "loss": round(total / len(plan[epoch]), 4), **figures})
        if figures["goal"] >= max(row["goal"] for row in curve):
            best = {name: tensor.detach().clone() for name, tensor in averaged.module.state_dict().items()}
        _keep(folder, curve, done, network, averaged, optimiser, best)
    network.load_state_dict(best)
    _merge(network)
    network.to("cpu").eval()
    return curve


def _step(
    network: Network,
    optimiser: torch.optim.Optimizer,
    material: Material,
    places: npt.NDArray[np.intp],
    settings: LoopSettings,
    device: torch.device,
    half: bool,
) -> float:
    ids, present = padded([material.ids[place] for place in places])
    told = [torch.from_numpy(array).to(device) for array in material.targets.at(places)]
    taught = torch.from_numpy(material.taught[places]).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        sentiment, topics = network(ids.to(device), present.to(device))
    sentiment, topics = sentiment.float(), topics.float()
    cost = losses.sentiment_loss(sentiment, told[0], told[1], settings.smoothing)
    cost = cost + losses.topic_loss(topics, told[2], told[3], told[4])
    if settings.distilled:
        known = ~taught.isnan().any(1)
        cost = cost + settings.distilled * losses.distillation_loss(sentiment, taught.nan_to_num(1.0), known)
    loss = cost.mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    value = float(loss.detach())
    if not np.isfinite(value):
        raise TrainingError("the loss is no number any more; lower the learning rate or use --precision fp32")
    return value


def _half(settings: LoopSettings, device: torch.device) -> bool:
    if settings.precision != "auto":
        return settings.precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def _choose_parameters(network: Network, settings: LoopSettings) -> None:
    """Freeze what is not tuned."""
    if settings.tune == "full":
        return
    network.encoder.requires_grad_(False)
    if settings.tune == "top":
        layers = network.encoder.encoder.layer
        if not 0 < settings.top_layers <= len(layers):
            raise TrainingError(f"top_layers must be 1 to {len(layers)} for this encoder, not {settings.top_layers}")
        for layer in list(layers)[-settings.top_layers :]:
            layer.requires_grad_(True)
    elif settings.tune == "lora":
        from peft import LoraConfig, inject_adapter_in_model

        names = ["query", "key", "value", "attention.output.dense", "intermediate.dense"]
        rank = settings.lora_rank
        inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names), network.encoder)


def _merge(network: Network) -> None:
    """Fold adapters, where there are any, into the weights that they adapt."""
    from torch import nn

    for name, module in list(network.encoder.named_modules()):
        if hasattr(module, "merge") and hasattr(module, "base_layer"):
            module.merge()
            parent = network.encoder.get_submodule(name.rpartition(".")[0])
            base: nn.Module = module.base_layer
            setattr(parent, name.rpartition(".")[2], base)


def _optimiser(network: Network, settings: LoopSettings) -> torch.optim.Optimizer:
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            rate = settings.rate if name.startswith("encoder.") else settings.head_rate
            groups.setdefault((rate, settings.weight_decay if parameter.ndim > 1 else 0.0), []).append(parameter)
    parts = [{"params": own, "lr": rate, "base": rate, "weight_decay": decay} for (rate, decay), own in groups.items()]
    return torch.optim.AdamW(parts, fused=True)


def _schedule(step: int, steps: int, warm_up: float) -> float:
    """Linear up, then linear down to zero."""
    rise = max(1.0, warm_up * steps)
    return min((step + 1) / rise, (steps - step) / max(1.0, steps - rise))


def _stale(curve: list[dict[str, Any]], patience: int) -> bool:
    goals = [row["goal"] for row in curve]
    return bool(goals) and len(goals) - 1 - int(np.argmax(goals)) >= patience


def _keep(
    folder: Path,
    curve: list[dict[str, Any]],
    done: int,
    network: Network,
    averaged: AveragedModel,
    optimiser: torch.optim.Optimizer,
    best: dict[str, torch.Tensor],
) -> None:
    """Write a checkpoint: weights, averages, the best epoch's, and the optimiser's moments, as safetensors."""
    tensors = {f"now.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in averaged.module.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for place, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": tensor for name, tensor in state.items()}
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / "checkpoint.new"
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, new)
    (folder / "curve.new").write_bytes(
        msgspec.json.encode({"curve": curve, "done": done, "averaged": int(averaged.n_averaged)})
    )
    new.replace(folder / "checkpoint.safetensors")
    (folder / "curve.new").replace(folder / "curve.json")


def _resume(
    folder: Path, network: Network, averaged: AveragedModel, optimiser: torch.optim.Optimizer
) -> tuple[list[dict[str, Any]], int, dict[str, torch.Tensor]]:
    if not (folder / "curve.json").is_file():
        return [], 0, {}
    kept = msgspec.json.decode((folder / "curve.json").read_bytes(), type=dict[str, Any])
    tensors = load_file(folder / "checkpoint.safetensors")

    def part(prefix: str) -> dict[str, torch.Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    try:
        network.load_state_dict(part("now."))
        averaged.module.load_state_dict(part("average."))
    except RuntimeError:
        raise TrainingError(f"{folder} holds the checkpoint of another encoder; give another folder") from None
    averaged.n_averaged.fill_(kept["averaged"])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in part("optimiser.").items():
        place, _, key = name.partition(".")
        state.setdefault(int(place), {})[key] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    return kept["curve"], kept["done"], part("best.")
