"""What of a model learns, how fast, and from what it starts.

`task` is a Task in each function; naming its type would import it back.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from zoo.models.parts.low_rank import attach, changeable, is_change, plain
from zoo.models.parts.named_parts import fitting, parts

Plain = int | float | str | list[int] | list[float] | None


@dataclass(frozen=True)
class Adapters:
    """Low-rank changes of weights that do not learn themselves; merged into them on release.

    Args:
        rank: of each change of a pointwise layer, and of the channels of a spectral one.
        scale: s of W + (s / rank) B A; a larger one learns faster at the same learning rate.
        where: patterns of the weights that are changed; None is all that do not learn.
    """

    rank: int = 4
    scale: float = 8.0
    where: list[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what can learn nothing."""
        if self.rank < 1 or not 0 < self.scale < math.inf:
            raise ValueError(
                f"low_rank: rank={self.rank} must be at least 1, scale={self.scale} finite and "
                "above 0"
            )


@dataclass(frozen=True)
class Tuning:
    """What of a model learns, how fast, and what is changed before.

    A pattern means parameters: a part (`inputs`, `body`, `outputs`), a dotted name, what names
    begin with (`spectral.0`), or a name with * for anything (`*.bias`). The normaliser never
    learns.

    Args:
        train: patterns of what learns; None is everything, or nothing but the low-rank changes
            where `low_rank` is given and `freeze` is not.
        freeze: patterns of what does not learn.
        low_rank: what does not learn gets changes of low rank that do.
        rates: pattern to factor of the learning rate; the last pattern that fits holds, and a
            low-rank change has its weight's.
        change: arguments of the released model that `init_from` names to change, such as modes or
            grid.
        waves: on a box of other length, weights by wave are kept by "number", or by "length".
        average: validate and release an exponential moving average of the weights, with this
            decay a step (Lightning's EMAWeightAveraging); None is the weights themselves.
        patience: stop after this many validations without a better one (Lightning's
            EarlyStopping); None is never.
    """

    train: list[str] | None = None
    freeze: list[str] | None = None
    low_rank: Adapters | None = None
    rates: dict[str, float] = field(default_factory=dict)
    change: dict[str, Plain] = field(default_factory=dict)
    waves: Literal["number", "length"] = "number"
    average: float | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        for pattern, factor in self.rates.items():
            if not 0 < factor < math.inf:
                raise ValueError(
                    f"rates.{pattern}={factor} must be finite and above 0; what is not to learn "
                    "stands under freeze"
                )
        if self.average is not None and not 0 <= self.average < 1:
            raise ValueError(f"average={self.average} is a decay, at least 0 and below 1")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience={self.patience} must be at least one validation")


def tune(task: Any) -> None:
    """Freeze what does not learn, attach low-rank changes, and note the factors of the rates.

    Raises:
        ValueError: a pattern that fits nothing, or nothing that learns.
    """
    net, tuning = task.net, task.tuning
    if tuning is None or task._factors is not None:
        return
    known, names = parts(net), [name for name, _ in net.named_parameters()]
    learning = _learning(tuning, names, known)
    for name, p in net.named_parameters():
        if name not in learning:
            p.requires_grad_(False)
    changed = _attached(net, tuning.low_rank, learning, known) if tuning.low_rank else []
    if not any(p.requires_grad for p in task.parameters()):
        raise ValueError("tuning leaves nothing that learns; freeze less, or give low_rank")
    task._factors = {}
    for pattern, factor in tuning.rates.items():
        fit = fitting([pattern], names, known, "rates")
        if not fit & (learning | {*changed}):
            raise ValueError(f"rates: {pattern!r} means only weights that do not learn")
        task._factors |= dict.fromkeys(fit, factor)


def _learning(tuning: Tuning, names: list[str], known: dict[str, list[str]]) -> set[str]:
    """Names of the parameters that learn as they are."""
    if tuning.train is not None:
        learning = fitting(tuning.train, names, known, "train")
    else:
        learning = set() if tuning.low_rank and tuning.freeze is None else {*names}
    return learning - fitting(tuning.freeze or [], names, known, "freeze")


def _attached(
    net: Any, adapters: Adapters, learning: set[str], known: dict[str, list[str]]
) -> list[str]:
    """Attach low-rank changes; the names of the weights that have one."""
    able = changeable(net)
    if adapters.where is not None:
        able = sorted(fitting(adapters.where, able, known, "low_rank.where"))
    able = [name for name in able if name not in learning]
    if not able:
        raise ValueError(
            "low_rank: no pointwise or spectral weight is frozen, so none has a change; name some "
            "under freeze"
        )
    # equal changes on all ranks and whether or not the data have used the global generator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch.initial_seed())
        attach(net, able, adapters.rank, adapters.scale)
    return able


def optimised(task: Any) -> torch.optim.Optimizer:
    """The optimiser of all that learns, in a group for each factor of the learning rate.

    Raises:
        ValueError: the optimiser has one rate for all, as L-BFGS.
    """
    learning = [(name, p) for name, p in task.named_parameters() if p.requires_grad]
    if not task._factors:
        return task.optimizer([p for _, p in learning])
    groups: dict[float, list[Any]] = {}
    for name, p in learning:
        own = plain(name.removeprefix("net.")) if name.startswith("net.") else ""
        groups.setdefault(task._factors.get(own, 1.0), []).append(p)
    try:
        optimizer = task.optimizer([{"params": own} for own in groups.values()])
    except ValueError as error:
        raise ValueError(f"rates={task.tuning.rates}: {error}; leave rates out") from error
    for group, factor in zip(optimizer.param_groups, groups, strict=True):
        group["lr"] = group["lr"] * factor
    return optimizer


def learning(task: Any) -> tuple[int, int, int]:
    """How many numbers learn, those of them in low-rank changes, and the weights of the model."""
    net = task.net.named_parameters()
    sizes = [(name, p.numel(), p.requires_grad) for name, p in net]
    changes = sum(size for name, size, _ in sizes if is_change(name))
    learnt = sum(size for _, size, learns in sizes if learns)
    return learnt, changes, sum(size for _, size, _ in sizes) - changes


def tell(task: Any) -> None:
    """Say on rank 0 what became of the release that a fit starts from, and how much learns."""
    if not task.trainer.is_global_zero:
        return
    report = getattr(task.net, "load_report", None)
    if task.init_from is not None and report is not None:
        print(f"init_from {task.init_from}\n{report}", flush=True)
    if task.tuning is not None:
        learnt, changes, total = learning(task)
        more = f", and {changes:,} in low-rank changes" if changes else ""
        print(f"learns   {learnt - changes:,} of {total:,} weights{more}", flush=True)


def log_learning(task: Any) -> None:
    """Log as `train/parameters` how many numbers learn where a tuning says it."""
    if task.tuning is not None:
        task.log("train/parameters", float(learning(task)[0]))
