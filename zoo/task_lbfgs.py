"""torch's L-BFGS under Lightning: what its line search needs, and what it cannot stand."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor

EXACT = ("32-true", "64-true")


class SecondOrder:
    """Lets `torch.optim.LBFGS` see one function in each step, the same on every rank.

    A closure's loss is its own rank's, while gradients are averaged, so line searches on several
    ranks would part: here the loss is averaged too. Every evaluation of a step draws the same
    random numbers. A trial whose loss is not finite counts as infinitely bad, so that a strong
    Wolfe search halves the interval instead of accepting it.

    Args:
        optimizer: what takes the steps.
    """

    def __init__(self, optimizer: torch.optim.LBFGS) -> None:
        self.optimizer = optimizer

    @property
    def evaluations(self) -> int:
        """How often loss and gradient have been evaluated, since the run's first step."""
        state = next(iter(self.optimizer.state.values()), {})
        return int(state.get("func_evals", 0))

    def closure(self, closure: Callable[[], Any]) -> Callable[[], Tensor]:
        """The closure of one step, made one function over ranks and evaluations."""
        parameters = self.optimizer.param_groups[0]["params"]
        start = _random(parameters[0].device)

        def evaluate() -> Tensor:
            _restore(*start, parameters[0].device)
            loss = _mean(closure().detach())
            if loss.isfinite():
                return loss
            # an interpolation with infinite slopes is undefined; with NaN torch's search bisects
            for p in parameters:
                if p.grad is not None:
                    p.grad.fill_(torch.nan)
            return torch.full_like(loss, torch.inf)

        return evaluate

    @staticmethod
    def check(trainer: Any) -> None:
        """Refuse what makes the function change between two evaluations.

        Raises:
            ValueError: clipping, accumulation, several batches, low precision, sharded weights.
        """
        refused = _refused(trainer)
        if refused:
            raise ValueError(f"L-BFGS with {refused}")


def _refused(trainer: Any) -> str | None:
    batches, steps = trainer.num_training_batches, trainer.accumulate_grad_batches
    # data whose batch_size is null give all they have in every batch of an epoch
    whole = batches == 1 or getattr(trainer.datamodule, "batch_size", batches) is None
    if trainer.gradient_clip_val:
        return (
            f"gradient_clip_val={trainer.gradient_clip_val}: a clipped gradient is not that of "
            "the loss which the line search sees; leave it out"
        )
    if steps > 1:
        return (
            f"accumulate_grad_batches={steps}: each evaluation sees one batch; set it to 1 and "
            "the data's batch_size to the number of training samples"
        )
    if not whole:
        return (
            f"{batches} different batches in an epoch: its curvature compares gradients of one "
            "function; set the data's batch_size to the number of training samples"
        )
    if trainer.precision not in EXACT:
        return f"precision={trainer.precision}: line searches need exact losses; use {EXACT[0]}"
    if not isinstance(trainer.strategy, DDPStrategy | SingleDeviceStrategy):
        name = type(trainer.strategy).__name__
        return f"{name}: every rank needs all weights; use strategy ddp"
    return None


def _mean(loss: Tensor) -> Tensor:
    """The loss averaged over the ranks, in float64; weighted losses make the mean exact."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return loss
    total = loss.double()
    torch.distributed.all_reduce(total)
    return total / torch.distributed.get_world_size()


def _random(device: torch.device) -> tuple[Tensor, Tensor | None]:
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return torch.get_rng_state(), cuda


def _restore(state: Tensor, cuda: Tensor | None, device: torch.device) -> None:
    torch.set_rng_state(state)
    if cuda is not None:
        torch.cuda.set_rng_state(cuda, device)
