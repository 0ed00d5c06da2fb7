from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.fno import FNO
from zoo.models.operator import Operator
from zoo.models.parts.affine import Affine
from zoo.objectives.base import Objective
from zoo.ops.derivatives import directional
from zoo.ops.norms import relative_l2


class Distill(Objective):
    """Mean relative L2 error against a teacher: of û, and of Dû along random directions.

    The sensitivities are directional derivatives, J_u v + J_p q of the student against the
    teacher's. Each step draws a direction (v, q) for each sample: v leads from its input to that of
    a random other sample of the same system in the batch, q from its coefficients to those of
    another, so that both are scaled as the data are and no coefficient leaves its equation. A
    sample without a companion is matched in its value alone.

    The teacher runs at every step and nothing is stored: its values would depend on the sample
    alone, but its sensitivities follow the directions. It is frozen, in eval, its outputs detached,
    and neither among the parameters nor in any state_dict.

    Shapes:
        batch u (b,t,c,*n), p (b,P), system (b,); targets are the teacher's, y is not used.

    Args:
        teacher: an operator of the same channels and coefficients; a recipe loads a release with
            `class_path: zoo.from_pretrained`, `init_args: {x: NAME}`.
        match: values alone, or values and sensitivities.
        weight: of the sensitivities.

    Raises:
        ValueError: a teacher whose interface does not match the student's, or whose outputs are not
            finite.

    Accuracy:
        both derivatives are exact. With an FNO four times the student's size as the teacher, a step
        by values takes 1.6 times a step of Supervised, one by sensitivities 6 times (one CPU
        thread, recipes/derl/operator.yaml).

    Source:
        Trenta, Cossu, Bacciu, TMLR 2026 (arXiv 2505.01391), distillation of first derivatives with
        respect to a network's coordinates; here with respect to an operator's inputs. Directions
        instead of whole Jacobians follow Czarnecki et al., NeurIPS 2017 (arXiv 1706.04859),
        section 2.
    """

    teacher: Model

    def __init__(
        self,
        teacher: Model,
        match: Literal["values", "sensitivities"] = "sensitivities",
        *,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        if match not in ("values", "sensitivities"):
            raise ValueError(f"match={match!r} must be 'values' or 'sensitivities'")
        if weight <= 0:
            raise ValueError(f"weight={weight} must be positive; or choose match='values'")
        # past nn.Module, or its weights would be trained and saved with the student's
        object.__setattr__(self, "teacher", teacher.requires_grad_(False).eval())
        self.match, self.weight = match, weight
        self.columns: list[int] | None = None

    @classmethod
    def tiny(cls) -> "Distill":
        """As in Objective; the teacher predicts one field from 8 frames of itself."""
        face = Interface(("u",), ("u",), history=8, dt=0.02, box=(2.0, 2.0))
        return cls(FNO(face, Affine(), width=4, modes=2, layers=1))

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Distill":
        """Move the teacher along, although it is no submodule."""
        self.teacher._apply(fn)
        return super()._apply(fn, recurse)

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        for kind, one in (("student", model), ("teacher", self.teacher)):
            if not isinstance(one, Operator):
                raise ValueError(
                    f"Distill matches operators, and the {kind} is a {type(one).__name__}; use an "
                    "operator such as FNO or UNet"
                )
        mine, theirs = model.interface, self.teacher.interface
        for name in ("inputs", "outputs", "box", "boundary", "dt", "history", "horizon", "offset"):
            if getattr(mine, name) != getattr(theirs, name):
                raise ValueError(
                    f"the teacher's {name} {getattr(theirs, name)} are not the student's "
                    f"{getattr(mine, name)}; take a teacher of the same problem"
                )
        if set(mine.coefficients) != set(theirs.coefficients):
            raise ValueError(
                f"the teacher's coefficients {theirs.coefficients} are not the student's "
                f"{mine.coefficients}; adapt the teacher by zoo.from_pretrained(..., "
                "coefficients=[...]) or the student"
            )
        self.columns = [interface.coefficients.index(name) for name in theirs.coefficients]

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `values` and `sensitivities` are the two errors."""
        u, p = batch["u"], batch["p"]
        if self.match == "values":
            with torch.no_grad():
                target = _finite(self.teacher(u, self._own(p)), "outputs")
            return {"loss": relative_l2(model(u, p), target).mean()}
        v, q = self.directions(batch)
        with torch.no_grad():
            points, along = (u, self._own(p)), (v, self._own(q))
            target, slope = directional(self.teacher, points, along)
        _finite(target, "outputs")
        _finite(slope, "derivatives")
        y, dy = directional(model, (u, p), (v, q))
        values, sensitivities = relative_l2(y, target).mean(), relative_l2(dy, slope).mean()
        return {
            "loss": values + self.weight * sensitivities,
            "values": values.detach(),
            "sensitivities": sensitivities.detach(),
        }

    def directions(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """A direction for each sample, in its inputs and in its coefficients."""
        u, p = batch["u"], batch["p"]
        return u[_companions(batch["system"])] - u, p[_companions(batch["system"])] - p

    def _own(self, p: Tensor) -> Tensor:
        """Columns of coefficients in the teacher's order."""
        return p if self.columns is None else p[:, self.columns]


def _companions(system: Tensor) -> Tensor:
    """Another sample of the same system for each, at random, (b,); itself if there is none."""
    draws = torch.rand(len(system), len(system), device=system.device) + 1
    fit = draws * (system[:, None] == system)
    return (fit - fit.diag().diag() + torch.eye(len(system), device=fit.device) / 2).argmax(1)


def _finite(y: Tensor, what: str) -> Tensor:
    if not bool(y.isfinite().all()):
        count = int((~y.isfinite()).sum())
        raise ValueError(
            f"the teacher's {what} hold {count} of {y.numel()} values that are not finite; look at "
            "the release, and at whether the data lie in the ranges it was trained on"
        )
    return y
