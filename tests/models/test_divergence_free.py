"""Mass is conserved to rounding, and the field is what its potentials say."""

import pytest
import torch

from zoo.models.base import Interface
from zoo.models.divergence_free import DivergenceFree
from zoo.models.parts.by_region import ByRegion
from zoo.models.parts.unscaled import Unscaled
from zoo.ops.jets import AutogradJet

REGION = ((0.0, 0.55), (-1.0, 1.0), (-1.0, 1.0), (-1.0, 2.0))
BALL = Interface(("t", "x", "y", "z"), ("rho", "m1", "m2", "m3", "p"), region=REGION)


def draw(normaliser=None, **changes):
    torch.manual_seed(0)
    net = DivergenceFree(BALL, normaliser or ByRegion(), **{"width": 9, "layers": 3} | changes)
    return net.double()


def points(count=6):
    rng = torch.Generator().manual_seed(1)
    low, high = torch.tensor(REGION, dtype=torch.float64).T
    return low + (high - low) * torch.rand(count, 4, generator=rng, dtype=torch.float64)


def mass(gradient):
    """∂ρ/∂t + ∇·m, and the largest of its terms."""
    terms = gradient[:, :4].diagonal(dim1=1, dim2=2)
    return terms.sum(1), float(terms.detach().abs().max())


@pytest.mark.parametrize("normaliser", [Unscaled, ByRegion])
def test_mass_is_conserved_by_the_jet(normaliser):
    rest, size = mass(draw(normaliser()).jet(points()).gradient)
    assert size > 0.1
    assert float(rest.detach().abs().max()) < 1e-10


def test_mass_is_conserved_by_automatic_differentiation():
    net = draw(sharpness=5.0)
    rest, size = mass(AutogradJet(net, points(), 4).gradient)
    assert size > 0.01
    assert float(rest.detach().abs().max()) < 1e-10


def test_density_and_flux_are_the_row_divergence_of_an_antisymmetric_matrix():
    net, x = draw(Unscaled(), sharpness=3.0), points()
    hessian = AutogradJet(net.linear, x, 4).hessian[:, :4]  # (b, i, j, k): ∂_j ∂_k b_i
    want = torch.einsum("bijj->bi", hessian) - torch.einsum("bjij->bi", hessian)
    assert torch.allclose(net(x)[:, :4], want, rtol=1e-11)


def test_the_pressure_is_the_perceptron_s_own():
    net, x = draw(Unscaled()), points()
    assert torch.equal(net(x)[:, 4], net.linear(x)[:, 4])


@pytest.mark.parametrize("axis", range(4))
def test_first_derivatives_are_those_of_differences(axis):
    net, x, step = draw(sharpness=3.0), points(), 1e-5
    along = step * torch.eye(4, dtype=torch.float64)[axis]
    with torch.no_grad():
        want = (net(x + along) - net(x - along)) / (2 * step)
        got = net.jet(x).derivative(axis)
    assert torch.allclose(got, want, rtol=1e-6, atol=1e-7)


def test_autocast_does_not_coarsen_it():
    net, x = draw().float(), points().float()
    with torch.autocast("cpu", torch.bfloat16):
        coarse = net(x)
    assert torch.equal(coarse, net(x))


def test_the_jet_s_value_is_the_field():
    net, x = draw(), points()
    assert torch.allclose(net.jet(x).value, net(x), rtol=1e-12)


def test_second_derivatives_are_those_of_differences():
    net, x, step = draw(layers=2, sharpness=3.0), points(2), 1e-5
    along = step * torch.eye(4, dtype=torch.float64)[2]
    with torch.no_grad():
        ends = [net.jet(x + sign * along).derivative(2) for sign in (1, -1)]
        want = (ends[0] - ends[1]) / (2 * step)
        assert torch.allclose(net.jet(x).derivative(2, 2), want, rtol=1e-5, atol=1e-6)


def test_gradients_of_weights_equal_those_of_automatic_differentiation():
    net, x = draw(width=5, layers=2, sharpness=3.0), points(3)
    found = []
    for jet in (net.jet(x), AutogradJet(net, x, 4)):
        loss = jet.value.square().sum() + jet.gradient.square().sum()
        found.append(torch.autograd.grad(loss, list(net.parameters())))
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-10 * float(b.abs().max()))


@pytest.mark.parametrize(
    "names", [(("t",), ("rho",)), (("t", "x", "y"), ("rho", "m1"))], ids=["one", "few"]
)
def test_components_that_do_not_fit_the_coordinates_are_refused(names):
    with pytest.raises(ValueError, match="a component for each coordinate"):
        DivergenceFree(Interface(*names, region=((0.0, 1.0),) * len(names[0])))
