import itertools
import math

import pytest
import torch

from zoo.models.ednn import EDNN
from zoo.models.energy_model import spins
from zoo.models.parts.learned_energy import LearnedEnergy
from zoo.models.parts.net_metropolis import NetMetropolis
from zoo.models.parts.windows import windows
from zoo.spin.enumeration import Enumeration
from zoo.spin.ising import Ising
from zoo.spin.lattice import Lattice
from zoo.spin.tile_metropolis import TileMetropolis
from zoo.spin.tiles import TileEnergy

CASES = [
    ((8,), 2, {}),
    ((9,), 3, {"focus": 3, "context": 1}),
    ((6, 6), 2, {}),
    ((4, 6), 3, {"focus": 1, "context": 1}),
    ((6, 8), 3, {"focus": 2, "context": 0, "coding": "scalar"}),
    ((4, 4, 6), 2, {"focus": 2, "context": 0}),
]
every_case = pytest.mark.parametrize(("shape", "colours", "given"), CASES)


def ednn(shape=(6, 6), colours=2, scale=3.0, **given):
    torch.manual_seed(2)
    made = EDNN(spins(shape, colours, 4.0), **({"hidden": (7, 5)} | given)).double()
    with torch.no_grad():
        made.net[0].weight.mul_(scale)
        made.net[-1].weight.mul_(scale)
    return made


@every_case
@torch.no_grad()
def test_a_lattice_repeated_along_every_axis_has_so_many_times_the_energy(
    shape, colours, given, rng
):
    model = ednn(shape, colours, **given)
    s = model.uniform(4, rng)
    twice = s.repeat(1, *(2,) * len(shape))
    assert torch.allclose(model.energy(twice), 2 ** len(shape) * model.energy(s), rtol=1e-12)


@every_case
@torch.no_grad()
def test_a_shift_by_the_focus_leaves_the_energy_alone(shape, colours, given, rng):
    model = ednn(shape, colours, **given)
    s = model.uniform(4, rng)
    axes = tuple(range(1, 1 + len(shape)))
    moved = s.roll([model.focus] * len(shape), axes)
    assert torch.allclose(model.energy(moved), model.energy(s), rtol=1e-12)
    if model.focus > 1:
        assert not torch.allclose(model.energy(s.roll(1, 1)), model.energy(s), rtol=1e-3)


@every_case
@torch.no_grad()
def test_the_energy_is_that_of_plain_loops_over_tiles(shape, colours, given, rng):
    model = ednn(shape, colours, **given)
    (s,), total = model.uniform(1, rng), 0.0
    steps = range(-model.context, model.focus + model.context)
    for corner in itertools.product(*(range(0, n, model.focus) for n in shape)):
        x = []
        for step in itertools.product(steps, repeat=len(shape)):
            place = tuple((a + b) % n for a, b, n in zip(corner, step, shape, strict=True))
            colour = int(s[place])
            if colours == 2 or given.get("coding") == "scalar":
                x.append(2 * colour / (colours - 1) - 1)
            else:
                x += [float(colour == k) for k in range(colours)]
        h = torch.tensor(x).double()
        for layer in list(model.net)[::2]:
            h = layer.weight @ h + layer.bias
            h = h.relu() if layer is not model.net[-1] else h
        total += float(h)
    assert float(model.energy(s[None])) == pytest.approx(total, rel=1e-10)


@every_case
@torch.no_grad()
def test_the_table_has_the_energies_of_the_net(shape, colours, given, rng):
    model = ednn(shape, colours, **given)
    law = TileEnergy(
        model.table(),
        colours,
        dimension=len(shape),
        focus=model.focus,
        context=model.context,
    )
    s = model.uniform(5, rng, tuple(2 * n for n in shape))
    assert torch.allclose(law.of(s), model.energy(s), rtol=1e-5, atol=1e-5)


@every_case
@torch.no_grad()
def test_tiles_are_numbered_as_the_samplers_number_them(shape, colours, given):
    model = ednn(shape, colours, **given)
    law, lattice = model.tabulated(), Lattice(shape)
    own, theirs = windows(lattice, model.focus, model.context), law.cover(lattice)
    assert torch.equal(own.sites, theirs.sites)
    k = model.side ** len(shape)
    number = torch.tensor([0, 1, colours**k - 1, colours ** (k - 1), colours**k // 3])
    digits = number[:, None] // colours ** torch.arange(k - 1, -1, -1) % colours
    assert torch.allclose(model.tile_energies(digits).float(), law.table[number], atol=1e-6)


@pytest.mark.parametrize("focus", [1, 2, 3])
def test_windows_name_the_tiles_of_each_site(focus):
    sites, tiles, inside = windows(Lattice((6, 12)), focus, 1)
    for site in range(72):
        held = [m for m, row in enumerate(sites.tolist()) if site in row]
        assert sorted(tiles[inside[:, site], site].tolist()) == held
        assert set(tiles[:, site].tolist()) == set(held)


def exact_ising(dimension):
    """Each focus spin has its bonds to the site before along each axis: σσ' = |σ + σ'| - 1."""
    model = EDNN(spins((4,) * dimension, 2), hidden=(16 * dimension, 1)).double()
    places = list(itertools.product(range(4), repeat=dimension))
    bonds = [
        (places.index(place), places.index((*place[:a], place[a] - 1, *place[a + 1 :])))
        for place in itertools.product((1, 2), repeat=dimension)
        for a in range(dimension)
    ]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for row, (one, two) in enumerate(bonds):
            for sign in (1, -1):
                model.net[0].weight[2 * row + (sign < 0), [one, two]] = sign
        model.net[2].weight.fill_(1.0)
        model.net[4].weight.fill_(-1.0)
        model.net[4].bias.fill_(len(bonds))
    return model


@pytest.mark.parametrize("shape", [(6,), (6, 8), (4, 4, 6)])
@torch.no_grad()
def test_the_energy_of_ising_can_be_represented_exactly(shape, rng):
    model = exact_ising(len(shape))
    s = model.uniform(6, rng, shape)
    assert torch.allclose(model.energy(s), Ising().of(s), atol=1e-10)


@torch.no_grad()
def test_centring_is_shared_among_the_tiles(rng):
    model = ednn()
    before = model.energy(model.uniform(1, torch.Generator().manual_seed(1), (12, 6)))
    model.shift(9.0, (6, 6))  # nine tiles, eighteen of twice the size
    after = model.energy(model.uniform(1, torch.Generator().manual_seed(1), (12, 6)))
    assert float(after - before) == pytest.approx(18.0, rel=1e-10)


@torch.no_grad()
def test_a_mean_pinned_on_one_size_holds_on_every_size(rng):
    model = ednn()
    model.centre(rng, count=20_000)
    large = model.energy(model.uniform(20_000, rng, (12, 12)))
    error = 4 * float(large.std()) * math.sqrt((1 + 4) / len(large))
    assert abs(float(large.mean())) < error


@pytest.mark.parametrize("shape", [(5, 6), (7, 7), (2, 2), (2, 8), (3, 4)])
def test_a_lattice_that_tiles_do_not_cover_is_refused(shape):
    with pytest.raises(ValueError, match=r"multiples of focus=2, at least 4"):
        ednn().predict(torch.zeros(shape).numpy())


def test_another_number_of_axes_is_refused():
    with pytest.raises(ValueError, match="has 3 axes"):
        LearnedEnergy(ednn()).on((4, 4, 4))


@pytest.mark.parametrize(
    "given", [{"focus": 0}, {"context": -1}, {"hidden": ()}, {"hidden": (4, 0)}]
)
def test_sizes_that_make_no_net_are_refused(given):
    with pytest.raises(ValueError, match="must be positive"):
        ednn(**given)


def test_a_table_above_the_limit_is_refused():
    with pytest.raises(ValueError, match="make 43046721 tiles, above limit=1000"):
        ednn((6, 6), 3).table(limit=1000)


@pytest.mark.parametrize(
    ("shape", "colours", "given"),
    [((8,), 2, {}), ((6,), 3, {"focus": 1}), ((9,), 2, {"focus": 3, "context": 1})],
)
@pytest.mark.parametrize("kind", ["net", "table"])
def test_chains_by_net_and_by_table_have_the_exact_means(kind, shape, colours, given, rng):
    model = ednn(shape, colours, 2.0, **given).float()
    temperatures, chains = [0.7, 2.0], 400
    exact = Enumeration(LearnedEnergy(model), shape)
    if kind == "net":
        dynamics = NetMetropolis(model, temperatures, shape)
    else:
        dynamics = TileMetropolis(model.tabulated(), temperatures, shape)
    s = torch.randint(colours, (2, math.prod(shape), chains), generator=rng).to(torch.uint8)
    dynamics.sweep(s, rng, 20)
    found = []
    for _ in range(12):
        dynamics.sweep(s, rng, 3)
        found.append(dynamics.energy.chains(s, dynamics.lattice))
    means = torch.stack(found).mean(0)
    error = means.std(1) / math.sqrt(chains)
    want = exact.mean(exact.energies, temperatures)
    assert bool(((means.mean(1) - want).abs() < 4 * error).all())
