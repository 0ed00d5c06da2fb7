from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Balanced(nn.Module):
    """Weights of side terms under which their gradients are as long as the interior's.

    λᵢ ← μ λᵢ + (1 - μ) ‖∇L‖ / ‖∇Lᵢ‖ every few steps, with gradients by the model's parameters over
    the whole batch, L the interior's weighted terms together and Lᵢ a side term. A side term's own
    weight then is the ratio of lengths that is wanted. Not for L-BFGS, whose line search needs one
    function. Noise of an estimated term adds to its length. The weights are kept in checkpoints.

    Args:
        every: steps from one look at the gradients to the next; each look costs a backward pass
            for each side term and one for the interior.
        memory: μ, what is kept of the old weights; the first look sets them.

    Source:
        Wang, Teng, Perdikaris, Understanding and mitigating gradient flow pathologies in
        physics-informed neural networks, SIAM J. Sci. Comput. 43, 2021, algorithm 1 (μ = 0.9),
        which has max|∇L| / mean|∇Lᵢ| and begins at one; norms as in Wang, Sankaran, Wang,
        Perdikaris, arXiv 2308.08468.
    """

    factors: Tensor

    def __init__(self, every: int = 100, memory: float = 0.9) -> None:
        super().__init__()
        if every < 1 or not 0 <= memory < 1:
            raise ValueError(f"every={every}, memory={memory}: at least 1, and from 0 up to 1")
        self.every, self.memory = every, memory
        self._steps = 0

    def size(self, sides: int) -> None:
        """Make room for so many side terms.

        Raises:
            ValueError: there is none.
        """
        if not sides:
            raise ValueError("nothing to balance: name side terms, or leave balance out")
        self.register_buffer("factors", torch.ones(sides))

    def forward(self, model: nn.Module, interior: Tensor, sides: list[Tensor]) -> Tensor:
        """The factors of the side terms, (k,); looks at the gradients when it is time.

        Args:
            model: what is trained.
            interior: the interior's part of the loss on this rank.
            sides: the side terms on this rank, without their weights.
        """
        if not (self.training and torch.is_grad_enabled()):
            return self.factors
        if self._steps % self.every == 0:
            trained = [p for p in model.parameters() if p.requires_grad]
            lengths = _lengths([interior, *sides], trained)
            found = (lengths[0] / lengths[1:]).to(self.factors)
            kept = self.memory if self._steps else 0.0
            moved = kept * self.factors + (1 - kept) * found
            # a side term that is met exactly has no gradient
            self.factors.copy_(torch.where(moved.isfinite(), moved, self.factors))
        self._steps += 1
        return self.factors

    def get_extra_state(self) -> dict[str, int]:
        """As in Module: how many steps were taken."""
        return {"steps": self._steps}

    def set_extra_state(self, state: Any) -> None:
        """As in Module."""
        self._steps = int(state["steps"])


def _lengths(losses: list[Tensor], parameters: list[nn.Parameter]) -> Tensor:
    """Norms of the gradients of some losses, averaged over the ranks first."""
    rows = []
    for loss in losses:
        # not `backward`: the parameters' own gradients, and DDP's hooks on them, stay untouched
        each = torch.autograd.grad(
            loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        rows.append(torch.cat([one.flatten() for one in each]))
    found = torch.stack(rows)
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(found)
        found /= dist.get_world_size()
    return found.norm(dim=1)
