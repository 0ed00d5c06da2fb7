"""Pictures: what they show is what they are given."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.data.mixture import Mixture
from zoo.data.steady import Steady
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.homogeneous import Homogeneous
from zoo.ops.norms import relative_l2
from zoo.pde.poisson import Poisson
from zoo.plots.few_shot import Curve, few_shot
from zoo.plots.preview import Sample, preview, typical
from zoo.plots.style import named


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)


@pytest.fixture
def wave():
    x = np.arange(16) / 16
    return np.sin(2 * np.pi * x)[:, None] * np.ones(16)


def test_the_typical_sample_has_the_median_error(_own_cache):
    data = Mixture([Steady(Poisson(), 16, train=4, validation=5, test=0)], batch_size=2)
    made = FNO(data.interface(), Homogeneous(), width=4, modes=3, layers=1).eval()
    (sample,) = typical(made, data)
    fields = data.split("validation")[0]
    with torch.no_grad():
        errors = relative_l2(made(fields.u, fields.p.float()), fields.y)
    assert sample.error == pytest.approx(float(errors.median()), rel=1e-6)
    i = int(errors.argsort()[2])
    assert np.array_equal(sample.truth, fields.y[i, 0, 0].numpy())
    assert sample.system == "poisson"


def test_equal_samples_give_equal_bytes_and_others_do_not(wave):
    face = Interface(("f",), ("u",))
    one = Sample("poisson", wave, wave, wave, 0.0)
    other = Sample("poisson", wave, wave, 0.5 * wave, 0.5)
    assert preview([one], face) == preview([one], face)
    assert preview([one], face) != preview([other], face)


def test_a_picture_has_a_row_for_each_system(wave):
    face = Interface(("f",), ("u",))
    one = Sample("poisson", wave, wave, wave, 0.0)
    high, low = (pixels(preview([one] * n, face)).shape for n in (2, 1))
    assert high[1] == low[1] and high[0] > 1.7 * low[0]


def test_truth_and_prediction_share_their_colours(wave):
    """A prediction of half the size is paler than the truth, not scaled up to look alike."""
    picture = pixels(preview([Sample("p", wave, wave, 0.5 * wave, 0.5)], Interface(("f",), ("u",))))
    strong = (picture.max(2) - picture.min(2) > 120).sum(0)
    quarter = picture.shape[1] // 4
    truth, prediction = strong[quarter : 2 * quarter].sum(), strong[2 * quarter : 3 * quarter].sum()
    assert prediction < 0.75 * truth


def test_another_dimension_is_refused(wave):
    with pytest.raises(ValueError, match="1 samples in 1 dimensions"):
        preview([Sample("p", wave, wave, wave, 0.0)], Interface(("f",), ("u",), box=(1.0,)))


def test_units_are_shown_unless_there_are_none():
    assert [named("u", unit) for unit in ("m/s", "1", None)] == ["u [m/s]", "u", "u"]


def test_curves_are_drawn_in_colours_that_everybody_tells_apart():
    curves = [
        Curve("fine-tuned", [0, 8, 16], [[0.2], [0.1, 0.12], [0.05, 0.06]]),
        Curve("from scratch", [8, 16], [[0.5, 0.6], [0.3, 0.3]]),
    ]
    picture = pixels(few_shot(curves, title="Poisson", trivial=0.4))
    for colour in ((0, 114, 178), (213, 94, 0)):
        assert (np.abs(picture - colour).max(2) < 3).sum() > 200


@pytest.mark.parametrize(
    ("curve", "match"),
    [
        (Curve("a", [8], []), "1 numbers of examples and 0 lists"),
        (Curve("a", [8], [[0.0]]), "must be positive"),
        (Curve("a", [8], [[]]), "must be positive"),
        (Curve("a", [8], [[float("nan")]]), "must be positive"),
    ],
)
def test_points_that_no_logarithm_holds_are_refused(curve, match):
    with pytest.raises(ValueError, match=match):
        few_shot([curve])
