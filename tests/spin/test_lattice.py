import pytest
import torch

from zoo.spin.lattice import Lattice
from zoo.spin.pairs import nearest, second


def steps(lattice: Lattice, site: int) -> tuple[int, ...]:
    return tuple(int(i) for i in torch.unravel_index(torch.tensor(site), lattice.shape))


@pytest.mark.parametrize(
    ("shape", "offset"), [((5,), (2,)), ((3, 4), (1, -1)), ((2, 3, 4), (-1, 0, 1))]
)
def test_neighbours_are_sites_an_offset_away_on_the_torus(shape, offset):
    lattice = Lattice(shape)
    for site, other in enumerate(lattice.neighbours(offset).tolist()):
        wanted = [
            (x + d) % side for x, d, side in zip(steps(lattice, site), offset, shape, strict=True)
        ]
        assert steps(lattice, other) == tuple(wanted)


@pytest.mark.parametrize("shape", [(6,), (5,), (4, 6), (5, 4), (3, 4, 5)])
@pytest.mark.parametrize("law", [nearest, second])
def test_sublattices_hold_every_site_once_and_no_bond_inside(shape, law):
    lattice = Lattice(shape)
    offsets = law(lattice)
    groups = lattice.sublattices(offsets)
    assert torch.cat(groups).sort().values.tolist() == list(range(lattice.sites))
    for group in groups:
        inside = set(group.tolist())
        for offset in offsets:
            assert not inside & set(lattice.neighbours(offset)[group].tolist())


@pytest.mark.parametrize("shape", [(8,), (4, 6), (2, 4, 6)])
def test_even_sides_make_a_checkerboard(shape):
    assert len(Lattice(shape).sublattices(nearest(Lattice(shape)))) == 2


@pytest.mark.parametrize(
    ("shape", "count"), [((7,), 2), ((4, 4), 8), ((4, 6), 4), ((3, 3, 3), 48), ((4, 4, 6), 16)]
)
def test_the_point_group_has_as_many_elements_as_the_box_has_symmetries(shape, count):
    group = Lattice(shape).point_group
    assert len(group.unique(dim=0)) == len(group) == count


def test_a_symmetry_keeps_neighbours_neighbours(rng):
    lattice = Lattice((4, 4))
    pairs = {
        frozenset((site, other))
        for offset in nearest(lattice)
        for site, other in enumerate(lattice.neighbours(offset).tolist())
    }
    for _ in range(20):
        pi = lattice.symmetry(rng)
        inverse = pi.argsort().tolist()
        assert {frozenset(inverse[x] for x in pair) for pair in pairs} == pairs


def test_symmetries_reach_every_site_of_the_whole_group(rng):
    lattice = Lattice((3, 3))
    drawn = {tuple(lattice.symmetry(rng).tolist()) for _ in range(800)}
    assert len(drawn) == 9 * 8


@pytest.mark.parametrize("shape", [(), (1, 4), (2, 2, 2, 2)])
def test_what_is_no_lattice_is_refused(shape):
    with pytest.raises(ValueError, match="is no lattice: give one to three sides"):
        Lattice(shape)
