import pytest
import torch

from zoo.metrics.relative_l2 import RelativeL2
from zoo.metrics.trivial import best, trivial
from zoo.models.base import Interface, Model
from zoo.ops.norms import relative_l2


class Half(Model):
    """Predicts half of the input."""

    interface = Interface(("f",), ("u",))

    def forward(self, u, p):
        return 0.5 * u


def batches(rng):
    for size in (4, 3, 1):
        u = torch.randn(size, 1, 1, 8, 8, generator=rng)
        system = torch.randint(0, 2, (size,), generator=rng)
        yield {
            "u": u,
            "p": None,
            "y": u + 0.1 * torch.randn(u.shape, generator=rng),
            "system": system,
        }


def test_uneven_batches_count_by_sample_and_systems_count_equally(rng):
    metric, errors = RelativeL2(), {0: [], 1: []}
    metric.name_systems(["a", "b"])
    for batch in batches(rng):
        metric.update(Half(), batch)
        for i, number in enumerate(batch["system"].tolist()):
            error = (0.5 * batch["u"][i] - batch["y"][i]).norm() / batch["y"][i].norm()
            errors[number].append(float(error))
    values = metric.compute()
    means = [sum(errors[n]) / len(errors[n]) for n in (0, 1)]
    assert float(values["a/relative_l2"]) == pytest.approx(means[0], rel=1e-6)
    assert float(values["relative_l2"]) == pytest.approx(sum(means) / 2, rel=1e-6)
    assert metric.seen["a/relative_l2"] == len(errors[0]) and metric.seen["relative_l2"] == 8


def test_a_system_without_samples_is_left_out(rng):
    metric = RelativeL2()
    metric.name_systems(["a", "b", "c"])
    for batch in batches(rng):
        metric.update(Half(), batch)
    assert set(metric.compute()) == {"a/relative_l2", "b/relative_l2", "relative_l2"}


def test_a_zero_target_does_not_divide_by_zero():
    error = relative_l2(torch.ones(1, 4), torch.zeros(1, 4))
    assert float(error) == 2.0


def test_trivial_predictors_score_what_plain_loops_give(tmp_path, monkeypatch):
    from zoo.data.steady import Steady
    from zoo.pde.poisson import Poisson

    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    item = Steady(Poisson(), 16, train=30, validation=0, test=10)
    train, test = item.split("train"), item.split("test")
    scores = trivial(item, train, test, [0, 1, 2])
    mean = train.y.mean(0)
    expected = sum(float((mean - y).norm() / y.norm()) for y in test.y) / 10
    assert scores["mean"] == pytest.approx(expected, rel=1e-5) and scores["zero"] == 1.0
    # with the sample's own coefficients instead of the medians the solver would be exact
    assert 0.01 < scores["median coefficients"] < 1.5
    assert best(scores)[1] == min(scores.values())


def test_errors_by_value_are_the_means_of_the_samples_with_that_value(rng):
    from zoo.metrics.by_value import ByValue
    from zoo.models.base import Interface

    model = Half()
    model.interface = Interface(("f",), ("u",), ("k11", "omega"))
    metric, errors = ByValue("b", "omega", [1, 2, 3]), {1: [], 2: []}
    metric.name_systems(["a", "b"])
    for batch in batches(rng):
        size = len(batch["u"])
        omega = torch.randint(1, 3, (size,), generator=rng).float()
        batch["p"] = torch.stack([torch.zeros(size), omega], 1)
        metric.update(model, batch)
        for i in range(size):
            if batch["system"][i] == 1:
                error = (0.5 * batch["u"][i] - batch["y"][i]).norm() / batch["y"][i].norm()
                errors[int(omega[i])].append(float(error))
    values = metric.compute()
    assert set(values) == {f"b/omega={w}/relative_l2" for w in errors if errors[w]}
    for omega, found in errors.items():
        mean = sum(found) / len(found)
        assert float(values[f"b/omega={omega}/relative_l2"]) == pytest.approx(mean, rel=1e-6)
    with pytest.raises(ValueError, match="no system 'b'"):
        metric.name_systems(["a"])
