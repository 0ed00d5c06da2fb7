"""The spectral convolution against torch.fft, mode by mode."""

import itertools

import pytest
import torch
from torch import Tensor

from zoo.models.parts.spectral import SpectralConv, fourier, to_inner, to_outer

GRIDS = [
    ((3,), (7,)),
    ((3,), (4,)),
    ((3,), (16,)),
    ((3, 4), (6, 6)),
    ((3, 4), (7, 9)),
    ((3, 4), (16, 12)),
    ((2, 3, 2), (4, 7, 2)),
    ((2, 3, 2), (5, 6, 5)),
    ((2, 3, 3), (8, 9, 8)),
]


def plain(conv: SpectralConv, u: Tensor) -> Tensor:
    """The definition: rfftn, one matrix for each kept wave, irfftn. Shapes: (b, c, *n)."""
    *full, half = conv.modes
    axes = tuple(range(2, u.ndim))
    x = torch.fft.rfftn(u, dim=axes, norm="forward")
    out = x.new_zeros(len(u), conv.outputs, *x.shape[2:])
    weight = torch.view_as_complex(conv.weight.detach())
    for k in itertools.product(*(range(-m, m) for m in full), range(half)):
        w = weight[(k[-1], *(a + m for a, m in zip(k, full, strict=False)))]
        at = (..., *(a % n for a, n in zip(k, u.shape[2:], strict=True)))
        out[at] = x[at] @ w
    y = torch.fft.irfftn(out, s=u.shape[2:], dim=axes, norm="forward")
    return y + conv.bias.detach().view(-1, *(1,) * len(axes))


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize(("modes", "n"), GRIDS)
def test_it_is_the_plain_fourier_sum(modes, n, dtype, bound, rng):
    conv = SpectralConv(5, 4, modes).to(dtype)
    u = torch.randn(3, 5, *n, dtype=dtype, generator=rng)
    with torch.no_grad():
        y, want = to_outer(conv(to_inner(u))), plain(conv, u)
    assert float((y - want).abs().max() / want.abs().max()) < bound


def test_its_gradients_are_those_of_the_plain_sum(rng):
    conv = SpectralConv(3, 2, (3, 4)).double()
    u = torch.randn(2, 3, 7, 8, dtype=torch.float64, generator=rng)
    assert torch.autograd.gradcheck(lambda at: to_outer(conv(to_inner(at))), u.requires_grad_())
    h = to_inner(u.detach())
    names = dict(conv.named_parameters())
    assert torch.autograd.gradcheck(
        lambda *values: torch.func.functional_call(conv, dict(zip(names, values, strict=True)), h),
        tuple(names.values()),
    )


def test_it_adds_to_what_it_is_given(rng):
    conv = SpectralConv(3, 2, (2, 2))
    h, plus = torch.randn(8, 6, 2, 3, generator=rng), torch.randn(8, 6, 2, 2, generator=rng)
    with torch.no_grad():
        assert torch.allclose(conv(h, plus.clone()), conv(h) + plus, atol=1e-6)


def test_a_field_without_the_kept_waves_gives_the_constant(rng):
    conv = SpectralConv(1, 1, (2, 2)).double()
    x = torch.arange(16, dtype=torch.float64) * (2 * torch.pi / 16)
    u = torch.cos(5 * x)[:, None] * torch.cos(4 * x)
    with torch.no_grad():
        y = conv(to_inner(u[None, None]))
    assert torch.allclose(y, conv.bias.detach().expand_as(y), atol=1e-14)


def test_waves_mean_the_same_on_every_grid(rng):
    conv = SpectralConv(1, 1, (3, 3)).double()
    fields = []
    for n in (8, 15, 40):
        x = torch.arange(n, dtype=torch.float64) * (2 * torch.pi / n)
        u = 1 + torch.sin(2 * x)[:, None] * torch.cos(x) + torch.cos(x)[:, None]
        with torch.no_grad():
            fields.append(torch.fft.rfft2(conv(to_inner(u[None, None]))[..., 0, 0], norm="forward"))
    for field in fields[1:]:
        assert torch.allclose(field[:3, :3], fields[0][:3, :3], atol=1e-14)


def test_the_variance_of_resolved_fields_is_kept():
    torch.manual_seed(0)
    conv = SpectralConv(64, 64, (8, 9))
    torch.nn.init.zeros_(conv.bias)
    with torch.no_grad():
        y = conv(torch.randn(16, 16, 8, 64))
    assert float(y.var()) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(
    ("modes", "n", "words"),
    [
        (
            (32, 8),
            (48, 48),
            "modes=32 needs n >= 64, got n=48; lower modes to 24 or refine the grid",
        ),
        (
            (8, 32),
            (48, 48),
            "modes=32 needs n >= 62, got n=48; lower modes to 24 or refine the grid",
        ),
        ((9,), (15,), "modes=9 needs n >= 16, got n=15"),
    ],
)
def test_a_grid_that_does_not_hold_the_modes_is_refused(modes, n, words):
    with pytest.raises(ValueError, match=words):
        SpectralConv(1, 1, modes)(to_inner(torch.zeros(1, 1, *n)))


def test_the_transform_of_a_grid_is_made_once_and_survives_inference_mode():
    conv = SpectralConv(2, 2, (3,))
    h = torch.ones(11, 1, 2)
    with torch.inference_mode():
        conv(h)
    conv(h).sum().backward()  # fails when the kept matrices are inference tensors
    assert conv.bias.grad.tolist() == pytest.approx([11, 11])


def test_forth_and_back_are_inverse_on_band_limited_fields():
    for n in (9, 12):
        forth, back = fourier(n, 4, True, torch.float64, torch.device("cpu"))
        waves = forth @ back
        waves[1] = 0  # the imaginary part of the wave 0 has no meaning
        want = torch.eye(8, dtype=torch.float64)
        want[1] = 0
        assert torch.allclose(waves, want, atol=1e-15)
