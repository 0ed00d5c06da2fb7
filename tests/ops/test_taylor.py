"""What is propagated for a derivative: no more than it needs, in the right products."""

import torch

from zoo.ops.activations import ACTIVATIONS
from zoo.ops.taylor import plan, taylor
from zoo.ops.trunk import trunk

LAPLACIAN = ((0, 0), (1, 1), (2, 2))


def test_a_laplacian_needs_the_slopes_and_itself_but_no_mixed_entry():
    assert plan(frozenset([LAPLACIAN])).slots == (((0,),), ((1,),), ((2,),), LAPLACIAN)


def test_a_third_derivative_is_expanded_as_by_faa_di_bruno():
    what = plan(frozenset([((1, 1, 1),)]))
    assert what.slots == (((1,),), ((1, 1),), ((1, 1, 1),))
    # σ''' z_1³ + 3 σ'' z_1 z_11 + σ' z_111
    found = {one.order: [p[:2] for p in one.products] for one in what.sums if one.slot == 2}
    assert found == {2: [(3, (0, 1))], 3: [(1, (0, 0, 0))]}


def test_a_mixed_derivative_needs_all_that_it_is_composed_of():
    slots = plan(frozenset([((0, 1, 1),)])).slots
    assert slots == (((0,),), ((1,),), ((0, 1),), ((1, 1),), ((0, 1, 1),))


def test_one_sine_has_the_derivatives_of_a_plane_wave(rng):
    x = torch.randn(5, 2, generator=rng, dtype=torch.float64)
    weights = [torch.tensor([[2.0, 3.0]]).double(), torch.tensor([[0.5]]).double()]
    run = trunk(x, weights, [torch.zeros(1).double()] * 2, ACTIVATIONS["sine"]())
    wanted = [((0, 0, 1),), ((0, 0), (1, 1))]
    found = taylor(run, weights[0], wanted)
    phase = x @ weights[0].T
    assert torch.allclose(found[wanted[0]], -0.5 * 2 * 2 * 3 * phase.cos(), rtol=1e-13)
    assert torch.allclose(found[wanted[1]], -0.5 * (4 + 9) * phase.sin(), rtol=1e-13)
