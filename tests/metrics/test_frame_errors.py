"""Each error of fields whose value is known in closed form."""

import math

import pytest
import torch

from tests.metrics.fields import TURN, batch, grid, measured
from zoo.metrics.band_error import BandError, banded, edges
from zoo.metrics.boundary_error import BoundaryError, boundary_error, outermost
from zoo.metrics.conservation_drift import ConservationDrift, mean_drift, square_drift
from zoo.metrics.h1_error import H1Error, h1_error
from zoo.metrics.maximum_error import MaximumError, maximum_error
from zoo.metrics.nrmse import nrmse
from zoo.metrics.vrmse import VRMSE, vrmse


def waves(k, n=32, amplitude=1.0, mean=0.0):
    """Amplitude times sin(k x) plus a mean, on a square, as (1, 1, 1, n, n)."""
    x, _ = grid(n, n)
    return (mean + amplitude * (k * x).sin())[None, None, None]


def test_nrmse_of_an_error_of_a_tenth_is_a_tenth():
    truth = waves(3, mean=2.0)
    assert float(nrmse(1.1 * truth, truth)) == pytest.approx(0.1, rel=1e-12)
    # ⟨(2 + sin)²⟩ = 4.5, ⟨(0.3 sin)²⟩ = 0.045
    assert float(nrmse(waves(3, amplitude=1.3, mean=2.0), truth)) == pytest.approx(0.1, rel=1e-12)


def test_vrmse_of_the_spatial_mean_is_one_however_large_it_is():
    truth = waves(3, mean=50.0)
    n = truth[0, 0, 0].numel()
    want = math.sqrt((n - 1) / n)
    assert float(vrmse(torch.full_like(truth, 50.0), truth)) == pytest.approx(want, rel=1e-10)


def test_vrmse_of_a_constant_truth_is_undefined_in_spite_of_round_off():
    truth = torch.full((1, 1, 1, 8, 8), 0.1) * (1 + 1e-8 * torch.rand(8, 8).double())
    assert bool(vrmse(truth + 1, truth).isnan().all())
    assert measured(VRMSE(), batch(truth + 1, truth)) == {}


def test_bands_hold_the_square_of_the_waves_in_them():
    one, two, three = (banded(waves(k))[0, 0, 0] for k in (2, 5, 12))
    for place, found in enumerate((one, two, three)):
        want = torch.zeros(3).double()
        want[place] = 0.5
        torch.testing.assert_close(found, want, atol=1e-14, rtol=1e-12)


@pytest.mark.parametrize("shape", [(16,), (15, 12), (6, 8, 7)])
def test_bands_add_up_to_the_mean_square(shape, rng):
    u = torch.randn(2, 3, 2, *shape, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(banded(u).sum(3), u.flatten(3).square().mean(3))


def test_the_bands_of_a_square_of_32_end_at_waves_2_and_7():
    first, second, last = (edges((32, 32)) * 32 / TURN).tolist()
    assert 2 < first < 3 and 7 < second < 9 and last > 16 * math.sqrt(2)


def test_an_error_in_one_band_is_seen_in_that_band_alone():
    truth = waves(2) + waves(5) + waves(12)
    prediction = waves(2) + waves(5, amplitude=0.8) + waves(12)
    found = measured(BandError(), batch(prediction, truth))
    assert found["mid_band_nrmse"] == pytest.approx(0.2, rel=1e-10)
    assert found["low_band_nrmse"] == pytest.approx(0, abs=1e-14)
    assert found["high_band_nrmse"] == pytest.approx(0, abs=1e-14)


def test_a_band_of_round_off_is_undefined():
    found = measured(BandError(), batch(waves(2) + 0.1 * waves(12), waves(2) + 1e-9 * waves(12)))
    assert "high_band_nrmse" not in found and "low_band_nrmse" in found


@pytest.mark.parametrize("side", [TURN, 2.0, 1e3])
def test_h1_error_weighs_a_wave_by_its_number_whatever_the_unit_of_length(side):
    truth, prediction = waves(1), waves(1) + waves(4, amplitude=0.1)
    spacing = torch.full((1, 2), side / 32, dtype=torch.float64)
    want = math.sqrt(0.01 * (1 + 16) / (1 + 1))
    assert float(h1_error(prediction, truth, spacing)) == pytest.approx(want, rel=1e-10)


def test_h1_error_of_a_parabola_between_walls_is_exact_in_its_slope():
    # differences of second order are exact for x²; at spacing 1/16 the longest side is 17/16
    x = torch.arange(17).double() / 16
    truth, prediction = (a * x.square()[None, None, None] for a in (1.0, 1.5))
    spacing = torch.full((1, 1), 1 / 16, dtype=torch.float64)
    assert float(h1_error(prediction, truth, spacing, "dirichlet")) == pytest.approx(0.5)
    scale = 17 / 16 / TURN
    size = math.sqrt(float(x.pow(4).mean()) + scale**2 * float((2 * x).square().mean()))
    shifted = float(h1_error(truth + 0.1, truth, spacing, "dirichlet"))
    assert shifted == pytest.approx(0.1 / size, rel=1e-12)


def test_h1_error_takes_differences_along_walls_and_waves_along_the_others():
    x, y = grid(9, 16)
    x = x / TURN  # from 0 to 8/9
    truth = ((1 + x) * y.sin())[None, None, None]
    spacing = torch.tensor([[1 / 9, TURN / 16]], dtype=torch.float64)
    # the longest side is a turn, so slopes are weighed by one
    size = (1 + x).square() * y.sin().square()
    slopes = y.sin().square() + (1 + x).square() * y.cos().square()
    want = 0.1 / float((size + slopes).mean().sqrt())
    found = float(h1_error(truth + 0.1, truth, spacing, "x wall, y periodic"))
    assert found == pytest.approx(want, rel=1e-10)
    metric = measured(
        H1Error(boundary="x wall, y periodic"), batch(truth + 0.1, truth, lengths=(1.0, TURN))
    )
    assert metric["h1_error"] == pytest.approx(want, rel=1e-6)


def test_drift_is_what_the_mean_and_the_square_have_lost():
    truth, prediction = waves(3, mean=2.0), waves(3, mean=1.9)
    assert float(mean_drift(prediction, truth)) == pytest.approx(0.1 / math.sqrt(4.5), rel=1e-12)
    assert float(square_drift(prediction, truth)) == pytest.approx(0.39 / 4.5, rel=1e-12)
    found = measured(ConservationDrift(), batch(prediction, truth))
    assert found["square_drift"] == pytest.approx(0.39 / 4.5, rel=1e-12)


def test_a_prediction_out_of_place_does_not_drift():
    found = measured(ConservationDrift(), batch(waves(3).roll(5, 3), waves(3)))
    assert found["mean_drift"] == pytest.approx(0, abs=1e-14)
    assert found["square_drift"] == pytest.approx(0, abs=1e-14)


def test_boundary_error_is_that_of_the_outermost_points_alone():
    truth = torch.full((1, 1, 1, 5, 4), 2.0).double()
    prediction = truth.clone()
    prediction[..., 1:-1, 1:-1] += 7
    assert float(boundary_error(prediction, truth, "dirichlet")) == 0
    prediction[..., 0, :] += 0.5
    # 4 of 14 outermost points are off by a half
    want = 0.5 * math.sqrt(4 / 14) / 2
    assert float(boundary_error(prediction, truth, "dirichlet")) == pytest.approx(want)
    found = measured(BoundaryError("dirichlet"), batch(prediction, truth))
    assert found["boundary_error"] == pytest.approx(want)
    assert int(outermost((5, 4), "x wall, y periodic").sum()) == 8


def test_a_periodic_box_has_no_boundary_error():
    with pytest.raises(ValueError, match="periodic box has no sides"):
        BoundaryError("periodic")
    with pytest.raises(ValueError, match="periodic box has no sides"):
        outermost((4, 4), "x periodic, y periodic")


def test_the_maximum_error_is_that_of_the_worst_point_in_the_unit_of_the_field():
    truth, prediction = waves(3), waves(3)
    prediction[..., 4, 7] -= 12.5
    assert float(maximum_error(prediction, truth)) == pytest.approx(12.5)
    found = measured(
        MaximumError(), batch(torch.cat([prediction, truth]), truth.repeat(2, 1, 1, 1, 1))
    )
    assert found["maximum_error"] == pytest.approx(6.25) and MaximumError.dimensional
