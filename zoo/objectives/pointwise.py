from typing import Any, cast

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.constrained import Constrained
from zoo.models.field import Estimator, Field, listed
from zoo.objectives.adversarial import Adversarial
from zoo.objectives.balanced import Balanced
from zoo.objectives.base import Objective
from zoo.objectives.terms.gradient import Gradient
from zoo.objectives.terms.term import Term
from zoo.objectives.terms.value import Value
from zoo.objectives.terms.value_jet import ValueJet
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Pointwise(Objective):
    """Sum of weighted terms over named parts of a cloud of points.

    The objectives of Trenta et al. are lists of terms, beside `Value` on the boundary and on the
    initial values: OUTL is Value; DERL Gradient; SOB Value and Gradient; HESL Hessian; DER+HESL
    Gradient and Hessian; SOB+HES Value, Gradient and StochasticHessian; PINN Residual; OUTL+PINN
    Value and Residual. Terms on one part share one jet; a part whose terms need no derivatives has
    none.

    Args:
        interior: what is compared inside: it tells one method from another.
        sides: what holds at sides and initial times, and what earlier stages have left; the same
            for all methods.
        estimator: how derivatives are found; in the model's own way if left out.
        balance: adapts the weights of the sides; they stay as they are if left out.
        adversary: moves points to where the loss is large.

    Source:
        Trenta, Cossu, Bacciu, Learning and Transferring Physical Models through Derivatives, TMLR
        2026 (arXiv 2505.01391).
    """

    def __init__(
        self,
        interior: list[Term],
        sides: list[Term] | None = None,
        *,
        estimator: Estimator | None = None,
        balance: Balanced | None = None,
        adversary: Adversarial | None = None,
    ) -> None:
        super().__init__()
        terms = [*interior, *(sides or [])]
        if not terms:
            raise ValueError("interior and sides are empty: name at least one term")
        self.terms = torch.nn.ModuleList(terms)
        named = [term.title for term in terms]
        self.titles = [
            title if named.count(title) == 1 else f"{title}_{1 + named[:i].count(title)}"
            for i, title in enumerate(named)
        ]
        """What each term is called in logs."""
        self.estimator, self.adversary = estimator, adversary
        self.balance = balance
        self._first = len(interior)
        if balance is not None:
            balance.size(len(terms) - len(interior))

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
        for kind in ("inputs", "coefficients", "outputs"):
            own, theirs = getattr(model.interface, kind), getattr(interface, kind)
            if own != theirs:
                raise ValueError(
                    f"the model has the {kind} {listed(own)}, the data's equation "
                    f"{listed(theirs)}; give the net block no interface, so that it takes the "
                    "data's, or start from a release for this equation"
                )
        # a field that meets them by construction has values without a term
        met = any(isinstance(one, Constrained) for one in model.modules())
        if not met and not any(t.fixes_values and t.weight > 0 for t in self._terms()):
            raise ValueError(
                f"the terms {[type(term).__name__ for term in self._terms()]} see no values, so "
                "the constant of integration is not fixed; add Value on a boundary or initial "
                "part, or train a Constrained field"
            )
        for term in self._terms():
            term.bind(model)

    def _terms(self) -> list[Term]:
        return cast("list[Term]", list(self.terms))

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; each term by its name, unweighted."""
        assert isinstance(model, Field)
        terms = self._terms()
        found: dict[int, Tensor] = {}
        for name in dict.fromkeys(term.part for term in terms):
            found |= self._means(model, batch, name)
        means = [found[i] for i in range(len(terms))]
        weighted = [_times(term.weight, mean) for term, mean in zip(terms, means, strict=True)]
        told = {title: mean.detach() for title, mean in zip(self.titles, means, strict=True)}
        if self.balance is not None:
            first = self._first
            inside = torch.stack(weighted[:first]).sum() if first else means[0] * 0
            factors = self.balance(model, inside, means[first:]).unbind()
            weighted[first:] = [f * one for f, one in zip(factors, weighted[first:], strict=True)]
            told |= {
                f"factor_{t}": f.clone() for t, f in zip(self.titles[first:], factors, strict=True)
            }
        loss = weighted[0]
        for one in weighted[1:]:
            loss = loss + one
        return {"loss": loss, **told}

    def _means(self, model: Field, batch: dict[str, Any], name: str) -> dict[int, Tensor]:
        """The terms on one part, by their place: means over its points on all ranks."""
        own = {i: term for i, term in enumerate(self._terms()) if term.part == name}
        terms, equation = list(own.values()), batch["equation"]
        part = [_part(batch, term) for term in terms][-1]
        if not part["x"].shape[0]:
            # fewer points than ranks, and this one has none; DDP waits for every gradient
            idle = sum(p.sum() for p in model.parameters() if p.requires_grad) * part["weight"] * 0
            return {i: idle for i in own}
        if self.adversary is not None and self.adversary.moves(name):
            part = self.adversary.worst(
                name, part, equation, lambda moved: self._loss(terms, model, moved, equation)
            )
        values = self._values(terms, model, part, equation)
        share = part["weight"]
        return {i: _times(share, one.mean()) for i, one in zip(own, values, strict=True)}

    def _loss(
        self, terms: list[Term], model: Field, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """The weighted terms of each point of a part together, (n,)."""
        values = self._values(terms, model, part, equation)
        each = [_times(t.weight, v) for t, v in zip(terms, values, strict=True)]
        return each[0] if len(each) == 1 else torch.stack(each).sum(0)

    def _values(
        self, terms: list[Term], model: Field, part: dict[str, Any], equation: PointEquation
    ) -> list[Tensor]:
        """Each term at each point of a part, from one jet, (n,)."""
        x = part["x"]
        jet: Jet
        if not any(term.derivatives for term in terms):
            jet = ValueJet(lambda: model(x))
        else:
            jet = model.jet(x) if self.estimator is None else model.jet(x, by=self.estimator)
        return [term(model, jet, part, equation) for term in terms]


def _times(factor: float | Tensor, value: Tensor) -> Tensor:
    """The product; one of a step's small operations less where the factor is a plain one."""
    return value if isinstance(factor, float) and factor == 1.0 else factor * value


def _part(batch: dict[str, Any], term: Term) -> dict[str, Any]:
    part = batch.get(term.part)
    if not isinstance(part, dict):
        parts = [name for name, item in batch.items() if isinstance(item, dict)]
        raise ValueError(f"{term.title}: no part {term.part!r}; the data have {parts}")
    for key in term.needs:
        if key not in part:
            raise ValueError(
                f"{term.title}: part {term.part!r} has no {key!r}, only {sorted(part)}; give it "
                "targets of that order"
            )
    return part
