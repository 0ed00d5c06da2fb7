"""FNO on lines and in volumes, with frames, several channels and coefficients: the same numbers."""

import pytest
import torch
import torch.nn.functional as F

from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine


def net(dimension, modes, **changes):
    torch.manual_seed(0)
    fields = {"inputs": ("u", "v"), "outputs": ("u", "v"), "coefficients": ("nu", "c")}
    fields |= {"history": 3, "horizon": 2, "box": (2.0,) * dimension}
    model = FNO(Interface(**fields | changes), Affine(), width=6, modes=modes, layers=2)
    model.normaliser.inputs_std *= 2
    model.normaliser.coefficients_mean += 0.5
    model.normaliser.outputs_mean -= 0.3
    return model


def convolution(h, spectral):
    """By torch.fft on the whole grid: every kept wave times its matrix, the others zero."""
    *grid, d = *h.shape[2:], h.ndim - 2
    axes = tuple(range(2, 2 + d))
    h_hat = torch.fft.rfftn(h, dim=axes)
    y_hat = torch.zeros(len(h), spectral.outputs, *h_hat.shape[2:], dtype=h_hat.dtype)
    weight = torch.view_as_complex(spectral.weight.detach())
    for place in torch.cartesian_prod(*(torch.arange(n) for n in weight.shape[:d])).view(-1, d):
        last, *rest = place.tolist()
        # axes but the last start at wave -M
        at = [k - modes for k, modes in zip(rest, spectral.modes[:-1], strict=True)] + [last]
        where = (slice(None), slice(None), *at)
        y_hat[where] = torch.einsum("bi,io->bo", h_hat[where], weight[tuple(place.tolist())])
    y = torch.fft.irfftn(y_hat, s=grid, dim=axes)
    return y + spectral.bias.view(-1, *(1,) * d)


@pytest.mark.parametrize(
    ("modes", "grid"),
    [((5,), (16,)), ((5,), (15,)), ((2, 3, 2), (8, 9, 6)), ((4, 2, 3), (8, 4, 7))],
)
def test_forward_is_a_re_derivation_by_torch_fft(modes, grid, rng):
    model, d = net(len(grid), modes), len(grid)
    u, p = torch.randn(2, 3, 2, *grid, generator=rng), torch.rand(2, 2, generator=rng)

    def pointwise(h, layer):
        y = torch.einsum("oc,bc...->bo...", layer.weight, h)
        return y if layer.bias is None else y + layer.bias.view(-1, *(1,) * d)

    with torch.no_grad():
        # frames outermost among the channels
        h = pointwise(torch.cat([u[:, t] for t in range(3)], 1) / 2, model.lift)
        h = h + ((p - 0.5) @ model.lift_coefficients.weight.T).view(2, -1, *(1,) * d)
        h = F.gelu(convolution(h, model.spectral[0]) + pointwise(h, model.bypass[0]))
        h = convolution(h, model.spectral[1]) + pointwise(h, model.bypass[1])
        y = pointwise(F.gelu(pointwise(h, model.hidden)), model.output)
        want = torch.stack([y[:, :2], y[:, 2:]], 1) - 0.3
        assert torch.allclose(model(u, p), want, atol=2e-5)


def line(model, axis):
    """The 1-D model that a model is on fields which vary along one axis alone."""
    modes = model.modes[axis]
    flat = net(1, (modes,))
    state = {k: v for k, v in model.state_dict().items() if "spectral" not in k}
    for i, spectral in enumerate(model.spectral):
        kept = spectral.weight.detach()
        if axis == model.interface.dimension - 1:
            # every other axis is at its wave 0, which stands at M
            kept = kept[(slice(None), *spectral.modes[:-1])]
        else:
            rest = [slice(None) if a == axis else m for a, m in enumerate(spectral.modes[:-1])]
            kept = kept[(0, *rest)][modes:]  # waves 0 ... M-1; the negative ones are their mirror
        state |= {f"spectral.{i}.weight": kept, f"spectral.{i}.bias": spectral.bias.detach()}
    flat.load_state_dict(state)
    return flat


def mirrored(model, axis):
    """Make an axis's negative waves the conjugates of its positive ones, and -M nothing."""
    with torch.no_grad():
        for spectral in model.spectral:
            modes = spectral.modes[axis]
            waves = spectral.weight.movedim(axis + 1, 0)
            waves[0] = 0
            waves[1:modes] = waves[modes + 1 :].flip(0) * torch.tensor([1.0, -1.0])


@pytest.mark.parametrize(("dimension", "axis"), [(2, 1), (3, 2), (2, 0), (3, 0), (3, 1)])
def test_fields_that_vary_along_one_axis_are_those_of_a_line(dimension, axis, rng):
    model = net(dimension, (3,) * dimension)
    if axis < dimension - 1:
        mirrored(model, axis)
    u, p = torch.randn(2, 3, 2, 12, generator=rng), torch.rand(2, 2, generator=rng)
    shape = [1] * dimension
    shape[axis] = 12
    sizes = [8] * dimension
    sizes[axis] = 12
    with torch.no_grad():
        want = line(model, axis)(u, p)
        found = model(u.view(2, 3, 2, *shape).expand(2, 3, 2, *sizes).contiguous(), p)
        want = want.view(2, 2, 2, *shape).expand_as(found)
        assert torch.allclose(found, want, atol=2e-5)


@pytest.mark.parametrize("dimension", [1, 3])
def test_two_resolutions_agree_and_a_shift_commutes(dimension, rng):
    model = net(dimension, 3)
    amplitudes = torch.randn(3, 2, dimension, generator=rng)
    p = torch.rand(1, 2, generator=rng)

    def sampled(n):
        x = torch.meshgrid(*[torch.arange(n) / n * 2 * torch.pi] * dimension, indexing="ij")
        waves = torch.stack([torch.sin(a + i) + torch.cos(2 * a) for i, a in enumerate(x)])
        return torch.einsum("tca,a...->tc...", amplitudes, waves)[None]

    coarse, fine = sampled(16), sampled(32)
    every = (..., *(slice(None, None, 2),) * dimension)
    with torch.no_grad():
        y = model(coarse, p)
        assert torch.allclose(model(fine, p)[every], y, atol=2e-4)
        moved = model(coarse.roll(5, -1), p)
        assert torch.allclose(moved, y.roll(5, -1), atol=1e-5)
