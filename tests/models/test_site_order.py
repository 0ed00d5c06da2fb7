import pytest
import torch

from zoo.models.parts.site_order import site_order
from zoo.spin.lattice import Lattice

SHAPES = [(7,), (2, 2), (3, 3), (6, 6), (3, 5), (4, 2), (2, 7), (3, 2, 4), (4, 4, 4)]
CASES = [
    (order, shape)
    for order in ("raster", "snake", "spiral")
    for shape in SHAPES
    if order != "spiral" or len(shape) == 2
]


@pytest.mark.parametrize(("order", "shape"), CASES)
def test_every_site_is_met_once_and_the_inverse_leads_back(order, shape):
    sites = site_order(order, Lattice(shape))
    count = Lattice(shape).sites
    assert sorted(sites.tolist()) == list(range(count))
    s = torch.randn(count)
    assert torch.equal(s[sites][sites.argsort()], s)
    assert torch.equal(s[sites.argsort()][sites], s)


def test_the_spiral_of_three_rows_is_known():
    grid = [[6, 7, 8], [5, 0, 1], [4, 3, 2]]
    assert site_order("spiral", Lattice((3, 3))).argsort().view(3, 3).tolist() == grid


def test_the_spiral_of_four_rows_starts_off_the_centre():
    grid = [[6, 7, 8, 9], [5, 0, 1, 10], [4, 3, 2, 11], [15, 14, 13, 12]]
    assert site_order("spiral", Lattice((4, 4))).argsort().view(4, 4).tolist() == grid


def test_the_spiral_of_a_rectangle_leaves_out_what_lies_outside():
    grid = [[5, 0, 1, 6], [4, 3, 2, 7]]
    assert site_order("spiral", Lattice((2, 4))).argsort().view(2, 4).tolist() == grid


def test_the_snake_turns_at_each_end():
    assert site_order("snake", Lattice((3, 3))).tolist() == [0, 1, 2, 5, 4, 3, 6, 7, 8]


@pytest.mark.parametrize("order", ["snake", "spiral"])
@pytest.mark.parametrize("shape", [(4, 4), (5, 5), (3, 3)])
def test_each_site_is_a_neighbour_of_the_one_before(order, shape):
    places = torch.stack(
        [
            site_order(order, Lattice(shape)) // shape[1],
            site_order(order, Lattice(shape)) % shape[1],
        ]
    )
    assert bool((places.diff(dim=1).abs().sum(0) == 1).all())


def test_the_snake_of_three_axes_is_connected():
    sites = site_order("snake", Lattice((3, 4, 5)))
    places = torch.stack([sites // 20, sites // 5 % 4, sites % 5])
    assert bool((places.diff(dim=1).abs().sum(0) == 1).all())


def test_a_spiral_of_other_than_two_axes_is_refused():
    with pytest.raises(ValueError, match=r"needs two axes, the lattice \(4, 4, 4\) has 3"):
        site_order("spiral", Lattice((4, 4, 4)))
