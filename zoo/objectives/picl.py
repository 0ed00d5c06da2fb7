from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.objectives.pretext import Pretext
from zoo.pde.box import Box
from zoo.pde.evolution import Evolution
from zoo.pde.transport import Transport


class PICL(Pretext):
    """Physics-informed contrastive learning: outputs lie to each other as the systems' states do.

    With z the model's output map, u' and u the last two frames of its input, and G(z) = Δt (dz/dt)
    one explicit step of the equation, each sample with its own coefficients,

        D_ij = ‖(u'_i - u_j) - (z_i + G(z_i) - z_j)‖² / ⟨u'²⟩,

    as a mean over channels and grid points; ⟨u'²⟩ is the mean square over the batch, so that D has
    no units. A model that represents the state as it is, z = u, or that plus one map common to all
    samples on which G acts the same, has D_ij = O(Δt⁴) for every pair. With θ = (ν, ‖other
    coefficients‖) and ψ_ij = √|θ_i·θ_j| / max(‖θ_i‖, ‖θ_j‖), ψ = 1 where both vanish,

        loss = mean over pairs of ½ ψ D + ½ (1 - ψ) max(τ - D, 0),  τ = mean D.

    The gradient flows through τ: so the loss is a function of the model that is never negative and
    vanishes at D = 0. With τ held fixed, pairs below the mean would chase it upwards for ever.

    Shapes:
        batch u (b,t,c,*n) with t ≥ 2, p (b,P), dt (b,), dx (b,d) the same for all samples; the loss
        costs two products of (b, c' *n) matrices. Several output frames or channels all count:
        each is set against the input channel of its name.

    Args:
        equation: gives G; its coefficients are picked from the data's by name, those that the data
            lack are 0. Left out: `Transport` in the data's dimension.
        scales: what ν and the norm of the other coefficients are divided by in θ, which would
            otherwise depend on units; left out, the largest of each in the batch.
        quartic: D² in place of D, τ = mean D still, as in the released code.

    Raises:
        ValueError: the data have none of the coefficients, an output is no input, the model has one
            input frame or the problem no time step, or the samples differ in grid spacing.

    Source:
        Lorsung & Barati Farimani, arXiv 2401.16327; Zhou et al., arXiv 2406.08473. This is the
        intended distance. The code released with the latter differs: its data bracket is
        u'_j - u_i beside the same latent one, so that no model cancels the two for i ≠ j; its
        diffusion lacks Δt; its linear advection is u - a roll(u) and no difference; its non-linear
        term takes derivatives along (y, time); it sums over the grid, squares D again, and takes
        θ in physical units, where ν hardly counts. It doubles the batch; here every ordered pair,
        the sample with itself included, counts once.
    """

    def __init__(
        self,
        equation: Evolution | None = None,
        scales: Sequence[float] | None = None,
        quartic: bool = False,
    ) -> None:
        super().__init__("output")
        if scales is not None and (len(scales) != 2 or min(scales) <= 0):
            raise ValueError(
                f"scales={list(scales)} must be two positive numbers: of ν and of the norm of the "
                "other coefficients"
            )
        self.equation, self.scales, self.quartic = equation, scales, quartic
        self._physics: Evolution | None = None
        self._columns: list[int | None] = []

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        super().bind(model, interface)
        physics = self.equation or Transport(interface.dimension)
        want, own = model.interface, interface.coefficients
        if not set(physics.coefficients) & set(own):
            raise ValueError(
                f"PICL compares coefficients, and the data have {list(own)}, none of "
                f"{physics.name}'s {list(physics.coefficients)}; give it the data's equation"
            )
        if physics.dimension != interface.dimension or len(physics.fields) not in (
            1,
            len(want.outputs),
        ):
            raise ValueError(
                f"PICL with {physics.name}: {physics.dimension} dimensions and fields "
                f"{physics.fields}, the data have {interface.dimension} and the model gives "
                f"{want.outputs}"
            )
        strangers = [name for name in want.outputs if name not in want.inputs]
        if strangers or want.history < 2 or interface.dt is None:
            raise ValueError(
                f"PICL sets outputs against the last two input frames: outputs {want.outputs} must "
                f"be among the inputs {want.inputs}, history={want.history} at least 2, and "
                f"dt={interface.dt} a time step"
            )
        self._physics = physics
        self._columns = [own.index(c) if c in own else None for c in physics.coefficients]

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `own` is the mean of D_ii."""
        p = self._coefficients(batch["p"])
        # under autocast z is coarse, and the differences below are small
        z = model(batch["u"], batch["p"]).to(batch["u"].dtype)
        places = [model.interface.inputs.index(name) for name in model.interface.outputs]
        frames = batch["u"][:, -2:, places]
        d = self._distances(frames, z, z + self._step(z, p, batch))
        psi = self._similarities(p)
        tau = d.mean()
        power = d.square() if self.quartic else d
        pairs = psi * power + (1 - psi) * (tau - power).clamp_min(0)
        return {"loss": 0.5 * pairs.mean(), "own": d.diagonal().mean().detach()}

    def _coefficients(self, p: Tensor) -> Tensor:
        """The equation's coefficients, (b, P), from the data's."""
        if self._physics is None:
            raise RuntimeError("PICL is not bound: call bind(model, interface) before training")
        zero = torch.zeros_like(p[:, 0])
        return torch.stack([zero if i is None else p[:, i] for i in self._columns], 1)

    def _step(self, z: Tensor, p: Tensor, batch: dict[str, Any]) -> Tensor:
        """G(z): Δt times the equation's right side, frame by frame, (b, t', c', *n)."""
        assert self._physics is not None
        dx, grid = batch["dx"], z.shape[3:]
        if not torch.equal(dx, dx[:1].expand_as(dx)):
            raise ValueError(
                "PICL needs one grid spacing in a batch; leave augmentations that scale x out"
            )
        box = Box(tuple(h * n for h, n in zip(dx[0].tolist(), grid, strict=True)), tuple(grid))
        fields = len(self._physics.fields)
        # each frame, and for a scalar equation each channel, is a field of its own
        folded = z.reshape(-1, fields, *grid)
        copies = len(folded) // len(z)
        rate = self._physics.rhs(box, folded, p.repeat_interleave(copies, 0)).view(z.shape)
        return batch["dt"].view(-1, *(1,) * (z.ndim - 1)) * rate

    def _distances(self, frames: Tensor, z: Tensor, ahead: Tensor) -> Tensor:
        """D, (b, b): ‖a_i - b_j‖² expanded, so that no pair of maps is ever formed."""
        scale = frames[:, 1].square().mean()
        a = (frames[:, 1:] - ahead).flatten(1)
        b = (frames[:, :1] - z).flatten(1)
        # what all b share cancels in a - b, and would cost digits in the expansion
        common = b.detach().mean(0)
        a, b = a - common, b - common
        with torch.autocast(a.device.type, enabled=False):
            square = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
        size = a.shape[1] * torch.where(scale > 0, scale, torch.ones_like(scale))
        return square.clamp_min(0) / size

    def _similarities(self, p: Tensor) -> Tensor:
        """ψ, (b, b)."""
        assert self._physics is not None
        names = self._physics.coefficients
        spread = [i for i, name in enumerate(names) if name == "nu"]
        others = [i for i, name in enumerate(names) if name != "nu"]
        theta = torch.stack([p[:, spread].norm(dim=1), p[:, others].norm(dim=1)], 1)
        scales = theta.amax(0) if self.scales is None else theta.new_tensor(self.scales)
        theta = theta / torch.where(scales > 0, scales, torch.ones_like(scales))
        norm = theta.norm(dim=1)
        larger = torch.maximum(norm[:, None], norm)
        some = larger > 0
        ratio = (theta @ theta.T).abs().sqrt() / torch.where(some, larger, torch.ones_like(larger))
        return torch.where(some, ratio, torch.ones_like(ratio))
