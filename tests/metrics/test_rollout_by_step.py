import math

import pytest
import torch

from zoo.metrics.relative_l2 import RelativeL2
from zoo.metrics.rollout_by_step import RolloutByStep
from zoo.metrics.terms import Terms
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine


@pytest.fixture
def net():
    torch.manual_seed(0)
    face = Interface(inputs=("u",), outputs=("u",), history=2, horizon=2, dt=0.1)
    return FNO(face, Affine(), width=4, modes=2, layers=1)


@pytest.fixture
def batch(rng):
    u, y = (torch.randn(3, t, 1, 8, 8, generator=rng) for t in (2, 5))
    return {"u": u, "y": y, "p": torch.zeros(3, 0), "system": torch.tensor([0, 1, 0])}


def rolled(net, u, frames):
    """Five frames by hand: two passes of two, and the first of a third."""
    made = []
    with torch.no_grad():
        while len(made) < frames:
            y = net(u)
            made += [y[:, 0], y[:, 1]]
            u = y
    return made[:frames]


def error(a, b):
    top = sum((x - y) ** 2 for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True))
    return math.sqrt(top) / math.sqrt(sum(y * y for y in b.flatten().tolist()))


def test_each_step_is_measured_on_its_own_frame_and_system(net, batch):
    metric = RolloutByStep([1, 4])
    metric.name_systems(["heat", "burgers"])
    with torch.no_grad():
        metric.update(net, batch)
    found = metric.compute()
    frames = rolled(net, batch["u"], 5)
    for step in (1, 4):
        errors = [error(frames[step - 1][i], batch["y"][i, step - 1]) for i in range(3)]
        heat, burgers = (errors[0] + errors[2]) / 2, errors[1]
        assert float(found[f"heat/step=0{step}/relative_l2"]) == pytest.approx(heat, rel=1e-5)
        assert float(found[f"burgers/step=0{step}/relative_l2"]) == pytest.approx(burgers, rel=1e-5)
    assert set(found) == {
        f"{name}/step=0{k}/relative_l2" for name in ("heat", "burgers") for k in (1, 4)
    }


def test_the_relative_error_of_a_rollout_is_over_all_its_frames(net, batch):
    metric = RelativeL2()
    metric.name_systems(["heat", "burgers"])
    with torch.no_grad():
        metric.update(net, batch)
    whole = torch.stack(rolled(net, batch["u"], 5), 1)
    assert float(metric.compute()["burgers/relative_l2"]) == pytest.approx(
        error(whole[1], batch["y"][1]), rel=1e-5
    )


def test_a_step_beyond_the_targets_names_both(net, batch):
    metric = RolloutByStep([6])
    with pytest.raises(ValueError, match=r"steps=\[6\].*5 frames.*window.evaluate"):
        metric.update(net, batch)
    with pytest.raises(ValueError, match=r"steps=\[0\]"):
        RolloutByStep([0])


def test_terms_are_weighted_by_samples():
    terms = Terms()
    terms.update({"loss": torch.tensor(1.0), "accuracy": torch.tensor(0.0)}, 3)
    terms.update({"loss": torch.tensor(5.0), "accuracy": torch.tensor(1.0)}, 1)
    found = {name: float(value) for name, value in terms.compute().items()}
    assert found == {"loss": 2.0, "accuracy": 0.25}
    terms.reset()
    terms.update({"loss": torch.tensor(7.0), "accuracy": torch.tensor(1.0)}, 2)
    assert float(terms.compute()["loss"]) == 7.0
