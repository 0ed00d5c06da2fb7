from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.operator import Operator
from zoo.objectives.base import Objective
from zoo.ops.norms import relative_l2


class Rollout(Objective):
    """Mean over steps and samples of the relative L2 error of the model applied to its own outputs.

    Step k sees what step k-1 gave; channels that are no outputs are carried. Plain, the gradient
    flows through the whole chain. With push-forward every step is trained on inputs that earlier
    steps made, but through its own application alone: step 1 is the one-step loss, the others teach
    the model to put its own errors right, and the memory of the backward pass stays that of
    independent steps.

    Shapes:
        batch u (b,t,c,*n), y (b,t',c',*n) with t' ≥ steps x horizon, p (b,P); later frames of y
        are not used.

    Args:
        steps: applications of the model.
        push_forward: let the gradient of each step's error flow through that step only.

    Raises:
        ValueError: fewer than one step, too few target frames, or a model whose output is not its
            next input.

    Source:
        Brandstetter, Worrall & Welling, ICLR 2022 (arXiv 2202.03376), section 3.1: one-step and
        stability loss are these terms for steps 1 and 2. They draw the number of steps and count
        the last alone; here every step counts, with equal weight.
    """

    def __init__(self, steps: int = 2, push_forward: bool = False) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"steps={steps} must be at least 1")
        self.steps, self.push_forward = steps, push_forward

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        if not isinstance(model, Operator):
            raise ValueError(
                f"Rollout feeds outputs back as inputs, and a {type(model).__name__} maps no "
                "fields to fields; use an operator such as FNO or UNet"
            )
        _refuse(model.interface)

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `first` and `last` are the errors of those steps."""
        want, u, y = model.interface, batch["u"], batch["y"]
        _refuse(want)
        if y.shape[1] < self.steps * want.horizon:
            raise ValueError(
                f"{self.steps} steps of {want.horizon} frames need {self.steps * want.horizon} "
                f"target frames, got {y.shape[1]}; raise the window's `unroll` to {self.steps} or "
                f"lower `steps` to {y.shape[1] // want.horizon}"
            )
        errors = []
        for target in y[:, : self.steps * want.horizon].split(want.horizon, 1):
            prediction = model(u, batch.get("p"))
            errors.append(relative_l2(prediction, target).mean())
            u = _fed(u, prediction.detach() if self.push_forward else prediction, want)
        terms = {"first": errors[0].detach(), "last": errors[-1].detach()}
        return {"loss": torch.stack(errors).mean(), **terms}


def _refuse(want: Interface) -> None:
    """Refuse an interface whose outputs are not the next inputs, as `Operator.rollout` does."""
    if want.dt is None:
        raise ValueError("Rollout needs a time step, but this model is steady (dt is None)")
    if want.offset != 1:
        raise ValueError(
            f"this model jumps {want.offset} frames ahead (interface.offset), so its output is not "
            "the next input; Rollout needs offset 1"
        )
    strangers = [name for name in want.outputs if name not in want.inputs]
    if strangers:
        raise ValueError(
            f"output channels {strangers} are no inputs {list(want.inputs)}; Rollout cannot feed "
            "them back"
        )


def _fed(u: Tensor, y: Tensor, want: Interface) -> Tensor:
    """The next inputs: the newest `history` frames of u followed by y."""
    last = u[:, -1:].expand(-1, y.shape[1], *u.shape[2:])
    columns = [
        y[:, :, want.outputs.index(name)] if name in want.outputs else last[:, :, i]
        for i, name in enumerate(want.inputs)
    ]
    return torch.cat([u, torch.stack(columns, 2)], 1)[:, -want.history :]
