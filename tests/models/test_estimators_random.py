"""Random estimators: what they estimate, how far they scatter, what of them is exact."""

import pytest
import torch
from torch.testing import assert_close

from tests.models.quadratic import Quadratic
from tests.models.test_estimators import perceptron, points
from zoo.models.estimators.forward_laplacian import ForwardLaplacian
from zoo.models.estimators.hutchinson import Hutchinson
from zoo.models.estimators.nested import Nested
from zoo.models.estimators.stochastic_taylor import StochasticTaylor
from zoo.models.mlp import MLP

SIZE, SOME = 6, (4, 1, 2, 5)
RANDOM = {
    "hutchinson": Hutchinson,
    "signs": StochasticTaylor,
    "gaussian": lambda count: StochasticTaylor(count, "gaussian"),
    "coordinates": lambda count: StochasticTaylor(count, "coordinates"),
    "signs shared": lambda count: StochasticTaylor(count, shared=True),
    "coordinates shared": lambda count: StochasticTaylor(count, "coordinates", shared=True),
}
TRACES = {
    "laplacian": lambda jet, x: jet.laplacian(),
    "laplacian of some": lambda jet, x: jet.laplacian(SOME),
    "trace": lambda jet, x: jet.trace(x[:, :SIZE]),
    "trace of either sign": lambda jet, x: jet.trace(x[:, :SIZE] - 0.6),
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(7)


def net(rng, kind):
    return perceptron(SIZE, outputs=2) if kind == "mlp" else Quadratic.drawn(rng, SIZE, outputs=2)


def estimates(field, by, wanted):
    """At one point, (jets, points, c), and what they estimate; jets are independent."""
    x = points(field, 1)
    # points with draws of their own are as good as jets
    own = isinstance(by, Hutchinson) or not (by.shared or by.kind == "coordinates")
    few = 1 if isinstance(field, MLP) else 4
    jets, copies = (1, 3000 // few) if own else (100 // few, 5)
    with torch.no_grad():
        wide = x.expand(copies, -1)
        found = torch.stack([wanted(field.jet(wide, by), wide) for _ in range(jets)])
        return found.movedim(0, 1) if own else found, wanted(field.jet(x), x)[0]


PAIRS = [("mlp", trace) for trace in TRACES] + [("quadratic", "trace of either sign")]


@pytest.mark.parametrize(("kind", "trace"), PAIRS)
@pytest.mark.parametrize("by", RANDOM)
def test_the_mean_over_draws_is_the_trace(rng, kind, by, trace):
    found, want = estimates(net(rng, kind), RANDOM[by](2), TRACES[trace])
    # jets are independent, points of one jet need not be
    found = found.mean(1)
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - want).abs() < 4 * error + 1e-12).all()


def variances(hessian, count):
    """By kind, of one estimate with this many draws; (c,)."""
    own = hessian.diagonal(dim1=-2, dim2=-1)
    mixed = hessian.square().sum((-2, -1)) - own.square().sum(-1)
    size = own.shape[-1]
    signs = 2 * mixed / count
    return {
        "hutchinson": signs,
        "signs": signs,
        "gaussian": 2 * hessian.square().sum((-2, -1)) / count,
        "coordinates": size**2 * (1 / count - 1 / size) * own.var(-1),
    }


@pytest.mark.parametrize("axes", [None, SOME])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("by", ["hutchinson", "signs", "gaussian", "coordinates"])
def test_the_variance_is_that_of_the_closed_form(rng, by, count, axes):
    field = net(rng, "mlp")
    found, _ = estimates(field, RANDOM[by](count), lambda jet, x: jet.laplacian(axes))
    part = list(range(SIZE) if axes is None else axes)
    hessian = field.jet(points(field, 1)).hessian[0].detach()[:, part][:, :, part]
    want = variances(hessian, count)[by]
    assert_close(found.flatten(0, 1).var(0), want, rtol=0.12, atol=0)


@pytest.mark.parametrize("by", RANDOM)
def test_halves_have_independent_errors(rng, by):
    field = net(rng, "mlp")
    x = points(field, 1)
    with torch.no_grad():
        pairs = [
            [half.laplacian()[0, 0] for half in field.jet(x, RANDOM[by](2)).halves()]
            for _ in range(60)
        ]
    found = torch.tensor(pairs)
    centred = found - field.jet(x).laplacian()[0, 0].detach()
    product = centred.prod(1)
    assert product.mean().abs() < 4 * product.std() / 60**0.5


@pytest.mark.parametrize("by", RANDOM)
def test_halves_have_half_the_draws_each(rng, by):
    field = net(rng, "mlp")
    x = points(field)
    torch.manual_seed(3)
    one, two = (half.laplacian() for half in field.jet(x, RANDOM[by](4)).halves())
    torch.manual_seed(3)
    alike, then = (field.jet(x, RANDOM[by](2)).laplacian() for _ in range(2))
    assert_close(one, alike)
    assert_close(two, then)


@pytest.mark.parametrize("by", RANDOM)
def test_an_odd_count_has_no_halves(rng, by):
    field = net(rng, "mlp")
    jet = field.jet(points(field), RANDOM[by](3))
    with pytest.raises(ValueError, match=r"(probes|directions)=3 is odd.*take \w+=4"):
        jet.halves()


@pytest.mark.parametrize("by", RANDOM)
@pytest.mark.parametrize("kind", ["mlp", "quadratic"])
def test_one_jet_is_one_draw(rng, kind, by):
    field = net(rng, kind)
    x = points(field)
    jet = field.jet(x, RANDOM[by](2))
    for wanted in TRACES.values():
        assert_close(wanted(jet, x), wanted(jet, x), rtol=0, atol=0)
    assert jet.halves() is jet.halves()
    assert not torch.equal(jet.laplacian(), field.jet(x, RANDOM[by](2)).laplacian())


@pytest.mark.parametrize("by", RANDOM)
@pytest.mark.parametrize("kind", ["mlp", "quadratic"])
def test_all_but_traces_is_exact(rng, kind, by):
    field = net(rng, kind)
    x = points(field)
    jet, want = field.jet(x, RANDOM[by](2)), field.jet(x, Nested())
    assert not jet.exact
    assert_close(jet.value, want.value)
    assert_close(jet.gradient, want.gradient)
    assert_close(jet.derivative(0), want.derivative(0))
    assert_close(jet.derivative(2, 3), want.derivative(2, 3))
    assert_close(jet.along(x[:, :SIZE]), want.along(x[:, :SIZE]))
    assert_close(jet.square_gradient(SOME), want.square_gradient(SOME))


@pytest.mark.parametrize("by", RANDOM)
def test_single_second_derivatives_are_refused(rng, by):
    field = net(rng, "mlp")
    jet = field.jet(points(field), RANDOM[by](2))
    with pytest.raises(NotImplementedError, match="ask for laplacian"):
        jet.second((0, 1))
    with pytest.raises(NotImplementedError, match="gives no Hessian"):
        _ = jet.hessian


def loss(field, by, wanted):
    torch.manual_seed(3)
    x = points(field)
    return wanted(field.jet(x, by), x).square().sum()


@pytest.mark.parametrize(("kind", "trace"), PAIRS)
@pytest.mark.parametrize("by", RANDOM)
def test_gradients_of_weights_are_those_of_the_same_draw(rng, kind, by, trace):
    field, wanted = net(rng, kind), TRACES[trace]
    loss(field, RANDOM[by](2), wanted).backward()
    weight = max(field.parameters(), key=torch.numel)
    step = torch.randn(weight.shape, generator=rng).double()
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            weight += sign * 1e-5 * step
            ends.append(loss(field, RANDOM[by](2), wanted))
            weight -= sign * 1e-5 * step
    assert_close((ends[0] - ends[1]) / 2e-5, (weight.grad * step).sum(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("by", RANDOM)
@pytest.mark.parametrize("kind", ["mlp", "quadratic"])
def test_without_gradients_the_numbers_are_the_same_and_carry_none(rng, kind, by, mode):
    field = net(rng, kind)
    want = loss(field, RANDOM[by](2), TRACES["laplacian"])
    with mode():
        found = loss(field, RANDOM[by](2), TRACES["laplacian"])
    assert_close(found, want.detach())
    assert not found.requires_grad


# normal draws differ between precisions
@pytest.mark.parametrize("by", [by for by in RANDOM if by != "gaussian"])
def test_single_precision_is_double_precision_to_rounding(rng, by):
    field = net(rng, "mlp")
    want = loss(field, RANDOM[by](2), TRACES["laplacian"]).detach()
    x = points(field).float()
    torch.manual_seed(3)
    found = field.float().jet(x, RANDOM[by](2)).laplacian()
    assert found.dtype == torch.float32
    assert_close(found.square().sum().detach().double(), want, rtol=1e-4, atol=0)


def test_all_coordinates_are_the_exact_laplacian(rng):
    field = net(rng, "mlp")
    x = points(field)
    found = field.jet(x, StochasticTaylor(len(SOME), "coordinates")).laplacian(SOME)
    assert_close(found, field.jet(x).laplacian(SOME))


def test_points_together_see_each_coordinate_equally_often(rng):
    field = Quadratic.drawn(rng, SIZE)
    wide = points(field, 1).expand(3 * SIZE, -1)
    found = field.jet(wide, StochasticTaylor(2, "coordinates")).laplacian().mean()
    assert_close(found, field.hessian.diagonal(dim1=1, dim2=2).sum())


def test_more_coordinates_than_there_are_are_refused(rng):
    field = net(rng, "mlp")
    jet = field.jet(points(field), StochasticTaylor(5, "coordinates"))
    with pytest.raises(ValueError, match="directions=5 of 4 coordinates; none is taken twice"):
        jet.laplacian(SOME)


@pytest.mark.parametrize("size", [100, 1000])
@pytest.mark.parametrize("by", RANDOM)
def test_in_many_dimensions_the_mean_is_the_forward_laplacian(size, by):
    field = perceptron(size, width=8, layers=2)
    x = points(field, 1)
    with torch.no_grad():
        wide = x.expand(20, -1)
        found = torch.stack([field.jet(wide, RANDOM[by](4)).laplacian().mean() for _ in range(20)])
    want = field.jet(x, ForwardLaplacian()).laplacian()[0, 0].detach()
    assert (found.mean() - want).abs() < 4 * found.std() / 20**0.5


@pytest.mark.parametrize("by", RANDOM)
def test_draws_come_from_torch_s_own_generator(rng, by):
    field = net(rng, "mlp")
    jets = []
    for _ in range(2):
        torch.manual_seed(11)
        jets.append(field.jet(points(field), RANDOM[by](2)).laplacian())
    assert torch.equal(*jets)
