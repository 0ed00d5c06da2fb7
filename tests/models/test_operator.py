"""What an operator does for its user: predictions from arrays, rollouts, clear refusals."""

import numpy as np
import pytest
import torch

from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine


def net(**changes):
    torch.manual_seed(0)
    fields = {"inputs": ("f",), "outputs": ("u",), "coefficients": ("k", "w")} | changes
    return FNO(Interface(**fields), Affine(), width=6, modes=3, layers=2).eval()


@pytest.fixture
def u():
    return np.random.default_rng(0).standard_normal((2, 1, 1, 8, 8))


P = np.array([[0.5, 2.0], [1.5, 0.1]])


def forward(model, u, p):
    with torch.no_grad():
        return model(torch.tensor(u).float(), torch.tensor(p).float()).numpy()


def test_predict_is_forward_for_arrays(u):
    model = net()
    assert np.array_equal(model.predict(u, P), forward(model, u, P))


def test_axes_that_were_left_out_are_left_out_of_the_result(u):
    model = net()
    want = forward(model, u, P)
    for given, p, expected in [
        (u[:, 0], P, want[:, 0]),
        (u[0, 0], P[0], want[0, 0]),
        (u[0, 0, 0], P[0], want[0, 0, 0]),
    ]:
        got = model.predict(given, p)
        assert got.shape == expected.shape
        assert np.allclose(got, expected, atol=1e-6)


def test_coefficients_are_taken_by_name_and_broadcast(u):
    model = net()
    want = forward(model, u, np.array([[0.5, 2.0], [0.5, 0.1]]))
    assert np.allclose(model.predict(u, {"w": [2.0, 0.1], "k": 0.5}), want, atol=1e-6)
    assert np.allclose(model.predict(u, [0.5, 2.0])[0], want[0], atol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "p", "words"),
    [
        (lambda u: u.__setitem__((0, 0, 0, 1, 1), np.nan), P, "u holds 1 values that are not fin"),
        (None, {"k": 1.0}, r"p names \['k'\]; this model's coefficients are \('k', 'w'\)"),
        (None, None, "p is missing"),
        (None, [1.0, np.inf], "not finite"),
        (None, [1.0, 1.0, 1.0], "coefficients"),
    ],
)
def test_predict_refuses_what_it_cannot_mean(u, spoil, p, words):
    if spoil:
        spoil(u)
    with pytest.raises(ValueError, match=words):
        net().predict(u, p)


@pytest.mark.parametrize("shape", [(2, 1, 2, 8, 8), (2, 2, 1, 8, 8), (8,), (1,) * 6])
def test_fields_of_the_wrong_shape_are_refused_with_the_shape(shape):
    with pytest.raises(ValueError, match="u has shape"):
        net().predict(np.zeros(shape), P)


def test_forward_asks_for_its_coefficients(u):
    with pytest.raises(ValueError, match=r"p is None; this model needs \(2, 2\) coefficients"):
        net()(torch.tensor(u).float())


def test_a_model_without_coefficients_ignores_them(u):
    model = net(coefficients=())
    x = torch.tensor(u).float()
    with torch.no_grad():
        assert torch.equal(model(x, torch.ones(2, 3)), model(x))


def test_a_rollout_feeds_outputs_to_inputs_of_the_same_name_and_carries_the_rest(rng):
    model = net(inputs=("a", "u"), outputs=("u",), coefficients=(), dt=0.1, history=2)
    u = torch.randn(3, 2, 2, 8, 8, generator=rng)
    with torch.no_grad():
        first = model(u)
        frame = torch.stack([u[:, -1, 0], first[:, 0, 0]], 1)[:, None]
        second = model(torch.cat([u[:, 1:], frame], 1))
        assert torch.equal(model.rollout(u, 2), torch.cat([first, second], 1))


def test_a_rollout_of_a_steady_model_or_of_foreign_outputs_is_refused(rng):
    with pytest.raises(ValueError, match="steady"):
        net().rollout(torch.zeros(1, 1, 1, 8, 8), 2)
    with pytest.raises(ValueError, match="output channel 'u' is no input"):
        net(dt=0.1).rollout(torch.zeros(1, 1, 1, 8, 8), 2, torch.ones(1, 2))
