"""FNO in every dimension: what it computes, and what it refuses."""

import pytest
import torch
import torch.nn.functional as F

from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.models.parts.homogeneous import Homogeneous
from zoo.models.parts.spectral import to_inner, to_outer


def net(box=(1.0, 1.0), **changes):
    torch.manual_seed(0)
    interface = Interface(**{"inputs": ("f",), "outputs": ("u",), "box": box} | changes)
    return FNO(interface, Affine(), width=6, modes=3, layers=2)


@pytest.mark.parametrize("grid", [(9,), (8, 7), (6, 8, 7)])
def test_it_is_the_stated_formula_in_every_dimension(grid, rng):
    fno = net((1.0,) * len(grid), coefficients=("k", "w"), history=2, horizon=3, outputs=("u", "v"))
    u, p = torch.randn(2, 2, 1, *grid, generator=rng), torch.rand(2, 2, generator=rng)
    maps = p.view(2, 2, *(1,) * len(grid)).expand(2, 2, *grid)
    channels = torch.cat([u.flatten(1, 2), maps], 1)
    weight = torch.cat([fno.lift.weight, fno.lift_coefficients.weight], 1)

    def pointwise(h, weight, bias=None):
        y = torch.einsum("oc,bc...->bo...", weight, h)
        return y if bias is None else y + bias.view(-1, *(1,) * len(grid))

    with torch.no_grad():
        h = pointwise(channels, weight, fno.lift.bias)
        for i in range(2):
            h = to_outer(fno.spectral[i](to_inner(h))) + pointwise(h, fno.bypass[i].weight)
            h = F.gelu(h) if i == 0 else h
        h = F.gelu(pointwise(h, fno.hidden.weight, fno.hidden.bias))
        want = pointwise(h, fno.output.weight, fno.output.bias).view(2, 3, 2, *grid)
        assert torch.allclose(fno(u, p), want, atol=1e-6)


def test_the_paper_s_model_has_the_paper_s_number_of_parameters():
    interface = Interface(("f",), ("u",), ("k11", "k22", "k12"))
    with torch.device("meta"):
        fno = FNO(interface, Homogeneous(), width=64, modes=32)
    # page B4: 67,134,273, which counts a bias beside each spectral block, as here
    assert sum(p.numel() for p in fno.parameters()) == 67_134_273


def test_a_shift_of_the_source_shifts_the_solution(rng):
    fno, u = net(), torch.randn(1, 1, 1, 12, 12, generator=rng)
    with torch.no_grad():
        shifted = fno(u.roll((5, 2), (-2, -1)))
        assert torch.allclose(shifted, fno(u).roll((5, 2), (-2, -1)), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modes": (4,)}, "one for each of 2 axes"),
        ({"modes": 0}, "must be positive"),
        ({"padding": 0.1}, "padding=0.1 on a box that is periodic"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        FNO(Interface(("f",), ("u",)), Affine(), **changes)


def padded(padding, box=(2.0, 1.0)):
    torch.manual_seed(0)
    interface = Interface(("f",), ("u",), box=box, boundary="dirichlet")
    return FNO(interface, Affine(), width=6, modes=(3, 2), layers=2, padding=padding)


def test_padding_is_a_length_so_that_resolutions_agree():
    fno, fields = padded(0.25), []
    for n in (64, 128):
        x, y = torch.arange(2 * n) / n, torch.arange(n) / n
        # vanishes at the sides with its slope, so the continuation by zeros is smooth
        u = (torch.sin(torch.pi * x / 2) ** 4)[:, None] * torch.sin(torch.pi * y) ** 4
        with torch.no_grad():
            fno.lift.bias.zero_()
            fields.append(fno(u[None, None, None]))
    coarse, fine = fields[0], fields[1][..., ::2, ::2]
    assert float((coarse - fine).abs().max() / fine.abs().max()) < 2e-2


def test_padding_continues_every_axis_by_the_same_length():
    fno = padded(0.25)
    # axes inside: the last, then the first; cells behind each, the trailing axes first
    assert fno._margins((20, 80)) == [0, 0, 0, 0, 0, 10, 0, 5]


def test_padding_keeps_the_far_side_apart():
    far = {}
    for padding in (0.0, 1.0):
        fno, u = padded(padding, box=(1.0, 1.0)), torch.zeros(1, 1, 1, 32, 32)
        with torch.no_grad():
            rest = fno(u)
            u[..., 31, 16] = 1.0
            moved = (fno(u) - rest)[0, 0, 0].abs()
        far[padding] = float(moved[0, 16] / moved[31, 16])
    # without padding the first row is the neighbour of the last
    assert far[1.0] < 0.7 * far[0.0]


def test_a_padded_model_needs_its_modes_on_the_padded_grid_alone(rng):
    fno = padded(0.5, box=(1.0, 1.0))
    u = torch.randn(1, 1, 1, 4, 4, generator=rng)
    assert fno(u).shape == (1, 1, 1, 4, 4)
    with pytest.raises(ValueError, match="modes=3 needs n >= 6, got n=4"):
        padded(0.0)(u)
