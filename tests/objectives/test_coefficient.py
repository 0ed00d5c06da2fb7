"""Coefficient: told by name, absent ones zero."""

import math

import pytest
import torch

from tests.objectives import toys
from tests.objectives.toys import bound
from zoo.models.base import Interface
from zoo.objectives.coefficient import Coefficient


def test_coefficients_are_told_by_name_and_absent_ones_are_zero():
    data = Interface(("u",), ("u",), ("cy", "nu", "ax", "cx", "ay"), box=(2.0, 2.0))
    model, objective, batch = toys.model(), Coefficient(), toys.batch()
    objective.bind(model, data)
    told = objective.head(model.features(batch["u"])).tolist()
    scales = {"nu": 2e-2, "ax": 2.5, "ay": 2.5, "cx": 1.0, "cy": 1.0}
    total = 0.0
    for b in range(4):
        for k, (name, scale) in enumerate(scales.items()):
            column = data.coefficients.index(name)
            has = bool(batch["has_p"][b, column])
            total += (told[b][k] - (float(batch["p"][b, column]) / scale if has else 0.0)) ** 2
    loss = float(objective(model, batch)["loss"].detach())
    assert loss == pytest.approx(total / (4 * 5), rel=1e-5)


def test_an_absent_coefficient_that_is_not_a_number_does_no_harm():
    objective, model = bound(Coefficient())
    batch = toys.batch()
    batch["p"] = torch.where(batch["has_p"], batch["p"], math.nan)
    assert bool(objective(model, batch)["loss"].isfinite())


def test_coefficients_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"name \['k'\], which the data do not hold"):
        bound(Coefficient(scales={"nu": 1.0, "k": 1.0}))
    with pytest.raises(ValueError, match=r"do not name \['ay', 'cx', 'cy'\], which the data hold"):
        bound(Coefficient(scales={"nu": 1.0, "ax": 1.0}))
    with pytest.raises(ValueError, match="positive"):
        Coefficient(scales={"nu": 0.0})


def test_a_model_that_is_given_the_coefficients_is_refused():
    given = Interface(("u",), ("u",), ("nu",), box=(2.0, 2.0), history=8, dt=0.02)
    model = type(toys.model())(given, toys.Affine(), width=8, modes=3, layers=2)
    with pytest.raises(
        ValueError, match=r"the model is given \['nu'\], so there is nothing to find"
    ):
        Coefficient().bind(model, toys.interface())
