"""A run that has diverged stops and says so, before anything of it is kept."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

NEVER = 2**62
KEPT = 1000

Terms = Mapping[str, Tensor]


class Diverged(ValueError):
    """The loss or the weights of a run are not finite any more."""


def logs_after(trainer: Any, steps: int) -> bool:
    """Whether Lightning writes its logs after that many steps; it forgets them between epochs."""
    often = trainer.log_every_n_steps
    return often > 0 and steps % often == 0


class Watch:
    """Looks for losses and weights that are not finite, on all ranks together.

    What is seen at each step stays on the device; only a look waits for it: when logs are written,
    at the end of an epoch, and before the weights are measured, kept or released. L-BFGS waits at
    each step anyway, and is looked at as often. `task` is a Task in each method.
    """

    def __init__(self) -> None:
        self._place = (-1, -1)
        # bounded, as a run may look seldom; what is not finite stays so, a late look finds it
        self._seen: deque[tuple[int, Terms]] = deque(maxlen=KEPT)
        self._latest: Terms = {}

    def see(self, step: int, batch: int, terms: Terms) -> bool:
        """Remember the terms of a step until the next look.

        Returns:
            whether this is the step's first evaluation of that batch: those that follow are trials
            of L-BFGS, which it may reject.
        """
        first = self._place != (step, batch)
        self._place = (step, batch)
        self._latest = {k: v.detach() if v.requires_grad else v for k, v in terms.items()}
        if first:
            self._seen.append((step, self._latest))
        return first

    def after_step(self, task: Any) -> None:
        """Look where logs are written, and after each step of L-BFGS."""
        each = task.evaluations is not None
        if each or logs_after(task.trainer, task.global_step):
            self.look(task, weights=each)

    def before_validation(self, task: Any) -> None:
        """Look before weights are measured within a fit."""
        if task.trainer.state.fn == "fit" and not task.trainer.sanity_checking:
            self.look(task, weights=True)

    def look(self, task: Any, *, weights: bool) -> None:
        """Stop the run if a loss since the last look was not finite; every rank looks at once.

        Args:
            task: what is trained.
            weights: look at the weights too, as before they are measured or kept.

        Raises:
            Diverged: with the step, the terms that are not finite, and the remedy.
        """
        seen = [*self._seen]
        self._seen.clear()
        if not seen and not weights:
            return
        found = torch.stack([_first(seen, task.device), _soundness(task, weights)])
        if task.trainer.world_size > 1:
            torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MIN)
        place, sound = found.tolist()
        if place < NEVER:
            step, terms = seen[place]
            elsewhere = bool(terms["loss"].isfinite())
            broken = ["the loss on another rank"] if elsewhere else _broken(terms)
            raise Diverged(_told(task, step, broken))
        if not sound:
            step = task.global_step - 1
            raise Diverged(_told(task, step, [*_broken(self._latest), "the weights after it"]))


def _first(seen: list[tuple[int, Terms]], device: torch.device) -> Tensor:
    """The first place at which the loss is not finite, or NEVER."""
    never = torch.full((), NEVER, device=device)
    if not seen:
        return never
    finite = torch.stack([terms["loss"] for _, terms in seen]).isfinite()
    return torch.where(finite, never, torch.arange(len(seen), device=device)).min()


@torch.no_grad()
def _soundness(task: Any, weights: bool) -> Tensor:
    """One if every weight of this rank is finite, or if they are not asked for, else zero."""
    # of sharded weights each rank looks at its own
    local = [p.to_local() if hasattr(p, "to_local") else p for p in task.parameters()]
    whole = [p for p in local if p.numel()]
    if not weights or not whole:
        return torch.ones((), dtype=torch.long, device=task.device)
    return get_total_norm(whole, math.inf).isfinite().long()


def _broken(terms: Terms) -> list[str]:
    values = {name: float(value) for name, value in terms.items()}
    return [f"{name} = {value}" for name, value in values.items() if not math.isfinite(value)]


def _told(task: Any, step: int, broken: list[str]) -> str:
    kept = _kept(task.trainer)
    rest = f"the last finite state is in {kept}" if kept else "no checkpoint had been written yet"
    return (
        f"diverged at step {step}, not finite: {', '.join(broken)}; lower the learning rate "
        f"(lr={float(task.run.optimizers[0].param_groups[0]['lr']):.3g}), give L-BFGS "
        f"line_search_fn: strong_wolfe, or begin with Adam; nothing is released, {rest}"
    )


def _kept(trainer: Any) -> str | None:
    """The last checkpoint written, or the one that the run goes on from."""
    for callback in trainer.checkpoint_callbacks:
        for name in ("last_model_path", "best_model_path"):
            if getattr(callback, name, ""):
                return str(getattr(callback, name))
    return trainer.ckpt_path
