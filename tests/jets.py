"""Two jets of one field, compared."""

import torch
from torch.testing import assert_close


def same_jet(jet, other, rng):
    """Everything that an equation may ask of a jet is what it is of the other."""
    size = other.gradient.shape[-1]
    few, weights = [size - 1, 0][:size], torch.rand(len(other.value), size, generator=rng).double()

    def close(a, b):
        assert_close(a, b, rtol=1e-9, atol=1e-9 * max(1e-3, float(b.detach().abs().max())))

    close(jet.value, other.value)
    close(jet.gradient, other.gradient)
    close(jet.hessian, other.hessian)
    close(jet.along(weights), other.along(weights))
    close(jet.trace(weights), other.trace(weights))
    close(jet.derivative(0), other.derivative(0))
    for order in ((0, 0), (0, size - 1), (size - 1, size - 1)):
        close(jet.derivative(*order), other.derivative(*order))
    for chosen in (None, few, range(size), range(1, size) if size > 1 else [0]):
        close(jet.second(chosen), other.second(chosen))
        close(jet.laplacian(chosen), other.laplacian(chosen))
        close(jet.square_gradient(chosen), other.square_gradient(chosen))
