"""Where The Well has the same metric, ours has the same value."""

import warnings

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    spatial = pytest.importorskip("the_well.benchmark.metrics.spatial")
    spectral = pytest.importorskip("the_well.benchmark.metrics.spectral")

from zoo.metrics.band_error import BandError, banded
from zoo.metrics.maximum_error import maximum_error
from zoo.metrics.nrmse import nrmse
from zoo.metrics.vrmse import vrmse

GRIDS = [(64,), (32, 32), (31, 48), (12, 16, 14)]


class Meta:
    """All that their metrics read of a data set's metadata."""

    def __init__(self, dimension):
        self.n_spatial_dims = dimension


@pytest.fixture(params=GRIDS, ids=str)
def case(request, rng):
    """Prediction and truth in our layout and in theirs, with channels last, and their metadata."""
    shape = request.param
    target = 3 * torch.randn(2, 3, 2, *shape, generator=rng, dtype=torch.float64) + 1
    prediction = target + 0.3 * torch.randn(target.shape, generator=rng, dtype=torch.float64)
    theirs = [field.movedim(2, -1) for field in (prediction, target)]
    return prediction, target, theirs, Meta(len(shape))


@pytest.mark.parametrize(
    ("ours", "name"),
    [(nrmse, "NRMSE"), (vrmse, "VRMSE"), (maximum_error, "LInfinity")],
    ids=["nrmse", "vrmse", "maximum_error"],
)
def test_errors_of_frames_are_those_of_the_well(ours, name, case):
    prediction, target, theirs, meta = case
    want = getattr(spatial, name).eval(*theirs, meta)
    torch.testing.assert_close(ours(prediction, target), want, rtol=1e-6, atol=0)


def test_errors_in_bands_are_those_of_the_well(case):
    prediction, target, theirs, meta = case
    want = spectral.binned_spectral_mse.eval(*theirs, meta)
    errors, sizes = banded(prediction - target), banded(target)
    for i in range(3):
        mse, nmse = (want[f"spectral_error_{kind}_per_bin_{i}"] for kind in ("mse", "nmse"))
        torch.testing.assert_close(errors[..., i], mse, rtol=1e-6, atol=0)
        torch.testing.assert_close(errors[..., i] / sizes[..., i], nmse, rtol=1e-6, atol=0)


def test_the_metric_of_bands_is_the_root_of_theirs(case):
    prediction, target, theirs, meta = case
    want = spectral.binned_spectral_mse.eval(*theirs, meta)["spectral_error_nmse_per_bin_1"]
    error, size = BandError(3, ["a", "b"]).parts(prediction, target, {})
    torch.testing.assert_close((error / size)[..., 1], want.sqrt(), rtol=1e-6, atol=0)
