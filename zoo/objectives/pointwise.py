from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.field import Field
from zoo.objectives.base import Objective
from zoo.objectives.terms.gradient import Gradient
from zoo.objectives.terms.term import Term
from zoo.objectives.terms.value import Value
from zoo.ops.jets import Jet


class Pointwise(Objective):
    """Sum of weighted terms over named parts of a cloud of points.

    The objectives of Trenta et al. are lists of terms, beside `Value` on the boundary and on the
    initial values: OUTL is Value; DERL Gradient; SOB Value and Gradient; HESL Hessian; DER+HESL
    Gradient and Hessian; SOB+HES Value, Gradient and StochasticHessian; PINN Residual; OUTL+PINN
    Value and Residual. Terms on one part share one jet.

    Args:
        interior: what is compared inside: it tells one method from another.
        sides: what holds at sides and initial times, and what earlier stages have left; the same
            for all methods.

    Source:
        Trenta, Cossu, Bacciu, Learning and Transferring Physical Models through Derivatives, TMLR
        2026 (arXiv 2505.01391).
    """

    def __init__(self, interior: list[Term], sides: list[Term] | None = None) -> None:
        super().__init__()
        terms = [*interior, *(sides or [])]
        if not any(term.fixes_values and term.weight > 0 for term in terms):
            raise ValueError(
                f"the terms {[type(term).__name__ for term in terms]} see no values, so the "
                "constant of integration is not fixed; add Value on a boundary or initial part"
            )
        self.terms = torch.nn.ModuleList(terms)
        named = [term.title for term in terms]
        self.titles = [
            title if named.count(title) == 1 else f"{title}_{1 + named[:i].count(title)}"
            for i, title in enumerate(named)
        ]
        """What each term is called in logs."""

    @classmethod
    def tiny(cls) -> "Pointwise":
        """As in Objective: DERL."""
        return cls([Gradient()], [Value("boundary")])

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        if not isinstance(model, Field):
            raise ValueError(
                f"{type(model).__name__} is no Field; terms over points need a function of points"
            )
        for term in self._terms():
            term.bind(model)

    def _terms(self) -> list[Term]:
        return [term for term in self.terms if isinstance(term, Term)]

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; each term by its name, unweighted."""
        assert isinstance(model, Field)
        jets: dict[str, Jet] = {}
        found: dict[str, Tensor] = {}
        loss: Tensor | float = 0.0
        for title, term in zip(self.titles, self._terms(), strict=True):
            part = _part(batch, term)
            if not len(part["x"]):
                # fewer points than ranks, and this one has none; DDP waits for every gradient
                idle = sum(p.sum() for p in model.parameters() if p.requires_grad) * 0.0
                loss, found[title] = loss + idle, part["weight"] * 0
                continue
            if term.part not in jets:
                jets[term.part] = model.jet(part["x"])
            values = term(model, jets[term.part], part, batch["equation"])
            mean = values.mean() * part["weight"]
            found[title] = mean.detach()
            loss = loss + term.weight * mean
        assert isinstance(loss, Tensor)
        return {"loss": loss, **found}


def _part(batch: dict[str, Any], term: Term) -> dict[str, Any]:
    parts = [name for name, item in batch.items() if isinstance(item, dict)]
    if term.part not in parts:
        raise ValueError(f"{term.title}: no part {term.part!r}; the data have {parts}")
    missing = [key for key in term.needs if key not in batch[term.part]]
    if missing:
        raise ValueError(
            f"{term.title}: part {term.part!r} has no {missing[0]!r}, only "
            f"{sorted(batch[term.part])}; give it targets of that order"
        )
    return batch[term.part]
