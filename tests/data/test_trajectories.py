import pytest
import torch
from torch.testing import assert_close

from zoo.data.augment.noise import Noise
from zoo.data.augment.random_shift import RandomShift
from zoo.data.mixture import Mixture
from zoo.data.steady import Steady
from zoo.data.trajectories import CHUNK, Trajectories
from zoo.data.window import Timeline, Window
from zoo.models.base import block, build
from zoo.pde.advection import Advection
from zoo.pde.box import Box
from zoo.pde.heat import Heat
from zoo.pde.poisson import Poisson


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


SMALL = {"train": 6, "validation": 4, "test": 3}


def sets(**more):
    timeline = Timeline(12, 0.05)
    return [
        Trajectories(equation, 16, timeline=timeline, **{**SMALL, **more})
        for equation in (Heat(), Advection())
    ]


def mixture(**more):
    return Mixture(sets(), batch_size=4, seed=0, **more)


def batches(data):
    return list(data.train_dataloader())


def test_stored_frames_solve_the_equation():
    item = sets()[0]
    data = item.split("train")
    box = Box(item.box, item.shape())
    times = item.timeline.times()
    again = item.equation.evolve(box, data.frames[:, 0].double(), data.p, times, steps=1)
    assert_close(again.float(), data.frames, rtol=0, atol=1e-5)


def test_more_samples_contain_the_fewer_once_a_chunk_is_full():
    few, many = (sets(train=n)[0].split("train").frames for n in (CHUNK, CHUNK + 3))
    assert torch.equal(many[:CHUNK], few)


def test_a_killed_generation_goes_on_with_the_chunk_that_is_missing(monkeypatch):
    item = sets(train=2 * CHUNK, seed=5)[0]
    made = []
    whole = Trajectories._generate

    def until_killed(self, spec):
        made.append(spec["chunk"])
        if len(made) == 2:
            raise KeyboardInterrupt
        return whole(self, spec)

    monkeypatch.setattr(Trajectories, "_generate", until_killed)
    with pytest.raises(KeyboardInterrupt):
        item.split("train")
    item.split("train")
    assert made == [0, 1, 1]


def test_batches_hold_windows_times_and_spacings():
    data = mixture(window=Window(history=3, offset=2))
    for batch in batches(data):
        assert batch["u"].shape[1:] == (3, 1, 16, 16) and batch["y"].shape[1:] == (1, 1, 16, 16)
        assert_close(batch["dt"], torch.full_like(batch["dt"], 0.05))
        assert_close(batch["dx"], torch.full_like(batch["dx"], 2 / 16))
    face = data.interface()
    assert (face.history, face.horizon, face.offset, face.dt) == (3, 1, 2, 0.05)


def test_hidden_coefficients_are_kept_from_models_but_not_from_objectives():
    data = mixture(window=Window(history=3), hide_coefficients=True)
    assert data.interface().coefficients == ()
    assert data.contents().coefficients == ("nu", "ax", "ay")
    assert data.statistics()["coefficients_mean"].shape == (0,)
    batch = batches(data)[0]
    assert batch["p"].shape[1] == 3
    assert bool((batch["has_p"][:, 0] == (batch["system"] == 0)).all())


def test_random_windows_are_cut_from_the_trajectory_and_move_with_the_epoch():
    data = mixture(window=Window(history=3, start="random"))
    splits = data.split("train")
    loader = data.train_dataloader()
    seen = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        seen.append([batch["u"] for batch in loader])
    assert all(torch.equal(a, b) for a, b in zip(seen[0], seen[2], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(seen[0], seen[1], strict=True))
    windows = torch.cat([d.frames.unfold(1, 3, 1) for d in splits])  # (s, start, c, n, n, 3)
    windows = windows.movedim(-1, 2).flatten(0, 1)
    for u in seen[0][0]:
        assert bool((windows == u).flatten(1).all(1).any())


def test_shifted_windows_are_still_windows_of_a_solution():
    data = mixture(window=Window(history=3, start="random"), augment=[RandomShift()])
    plain = mixture(window=Window(history=3, start="random"))
    one, two = batches(data)[0], batches(plain)[0]
    assert not torch.equal(one["u"], two["u"])
    box = Box((2.0, 2.0), (16, 16))
    for i, number in enumerate(one["system"].tolist()):
        equation = data.sets[number].equation
        own = [data.coefficients.index(name) for name in equation.coefficients]
        times = torch.arange(2).double() * 0.05
        p = one["p"][i : i + 1, own].double()
        after = equation.evolve(box, one["u"][i, -1:].double(), p, times, steps=1)
        assert_close(after[0, 1].float(), one["y"][i, 0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("augment", [[RandomShift()], [Noise(0.1), RandomShift()]])
def test_any_number_of_ranks_sees_the_same_augmented_samples(augment, monkeypatch):
    def seen(rank, ranks):
        data = mixture(window=Window(history=3, start="random"), augment=augment)
        monkeypatch.setattr(Mixture, "_ranks", lambda self: (rank, ranks))
        return [(b["u"], b["y"]) for b in data.train_dataloader()]

    whole, parts = seen(0, 1), [seen(0, 2), seen(1, 2)]
    for step, (u, y) in enumerate(whole):
        for rank in (0, 1):
            assert_close(parts[rank][step][0], u[rank::2], rtol=0, atol=1e-6)
            assert_close(parts[rank][step][1], y[rank::2], rtol=0, atol=1e-6)


def test_validation_is_never_augmented_and_begins_at_the_first_frame():
    data = mixture(window=Window(history=3, start="random"), augment=[RandomShift()])
    first = torch.cat([d.frames[:, :3] for d in data.split("validation")])
    assert torch.equal(torch.cat([b["u"] for b in data.val_dataloader()]), first)


def test_the_block_of_a_mixture_builds_it_again():
    data = mixture(window=Window(history=3, offset=2), augment=[RandomShift(0.25)])
    again = build(block(data), object, ("zoo.data.", "zoo.pde."))
    assert block(again) == block(data)
    assert torch.equal(batches(again)[0]["u"], batches(data)[0]["u"])


def test_a_window_longer_than_the_trajectories_is_refused_before_anything_is_made():
    with pytest.raises(ValueError, match=r"heat: trajectories have 12 frames.*needs 32"):
        mixture(window=Window(history=8, offset=24))


def test_steady_sets_take_no_window():
    with pytest.raises(ValueError, match="no frames in time"):
        Mixture([Steady(Poisson(), 16, **SMALL)], window=Window())


def test_channels_can_be_given_other_names():
    item = sets(channels=["w"])[0]
    assert item.inputs == item.outputs == ("w",) and item.units["w"] == item.equation.units["u"]
    with pytest.raises(ValueError, match="channels"):
        sets(channels=["a", "b"])
