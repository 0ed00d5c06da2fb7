from collections.abc import Callable

import torch
from torch import Tensor

from zoo.models.estimators.counted import counted
from zoo.models.estimators.forward_laplacian import forward_jet
from zoo.models.field import Estimator, Field
from zoo.models.parts.perceptron_jet import PerceptronJet
from zoo.ops.draws import Curved, signs
from zoo.ops.jets import Jet
from zoo.ops.traced_jet import Draw, TracedJet


class Deflated(Estimator):
    """Δu = Σ_j q_j·∇∇u q_j + mean of w·∇∇u w: exact along a few directions q, estimated beyond.

    The q are orthonormal and sought anew in each jet, where the field varies most: by subspace
    iteration on the gradients at its points. The w are random signs from which the q are taken out.
    Unbiased whatever the q; of one probe the variance is at most 2‖P∇∇u P‖² with P the projection
    beyond the q, so it falls with training wherever what is learned varies along few directions,
    of however many coordinates. A step costs as many directions as both together.

    Args:
        leading: how many q; at most as many as there are coordinates.
        probes: how many w.

    Raises:
        ValueError: no directions.

    Source:
        Meyer, Musco, Musco and Woodruff, Hutch++ (SOSA 2021, arXiv 2010.09649) take out the
        range of the matrix; here it is that of the gradients, which costs no product with it.
    """

    def __init__(self, leading: int = 8, probes: int = 2) -> None:
        self.leading, self.probes = counted("leading", leading), counted("probes", probes)

    def jet(self, field: Field, x: Tensor) -> Jet:
        """As in Estimator."""
        own = field.own_jet(x)
        base = own if isinstance(own, PerceptronJet) else forward_jet(field, x)
        size = len(field.interface.inputs)

        def gradients() -> Tensor:
            return base.gradient.detach().flatten(0, 1)

        return TracedJet(
            base,
            lambda count: _Split(base, gradients, self.leading, count, size),
            self.probes,
            "probes",
        )


class _Split(Draw):
    """Traces along leading directions, and beyond them by probes; drawn once.

    Args:
        jet: of the field.
        gradients: its gradients, (n, d).
        leading: directions that are exact.
        probes: directions that are random.
        size: d.
    """

    def __init__(
        self, jet: Curved, gradients: Callable[[], Tensor], leading: int, probes: int, size: int
    ) -> None:
        self._jet, self._gradients = jet, gradients
        self._leading, self._probes, self._size = leading, probes, size
        self._known: dict[tuple[int, ...] | None, Tensor] = {}

    def _directions(self, axes: tuple[int, ...] | None) -> Tensor:
        """q, then w over the root of their number, (m, 1, d), zero but in these coordinates."""
        if axes not in self._known:
            slopes = self._gradients()
            kept = torch.ones_like(slopes[0]) if axes is None else torch.zeros_like(slopes[0])
            if axes is not None:
                kept[list(axes)] = 1
            slopes = slopes * kept
            count = min(self._leading, int(kept.sum()))
            start = torch.randn(len(slopes), count, dtype=slopes.dtype, device=slopes.device)
            rough = slopes.mT @ start
            q = torch.linalg.qr(slopes.mT @ (slopes @ torch.linalg.qr(rough)[0]))[0]
            # where gradients have fewer directions than asked for, the others may leave the axes
            q = torch.linalg.qr(q * kept[:, None])[0].mT * kept
            w = signs(self._probes, 1, slopes, self._size)[:, 0] * kept
            w = (w - (w @ q.mT) @ q) / self._probes**0.5
            self._known[axes] = torch.cat([q, w])[:, None]
        return self._known[axes]

    def laplacian(self, axes: tuple[int, ...] | None) -> Tensor:
        """As in Draw."""
        return self._jet.twice(self._directions(axes))

    def trace(self, weights: Tensor) -> Tensor:
        """As in Draw: along directions times √w, each point's own."""
        if bool((weights < 0).any()):
            raise NotImplementedError(
                "Deflated takes traces with weights that are not negative; take StochasticTaylor"
            )
        return self._jet.twice(self._directions(None) * weights.sqrt())
