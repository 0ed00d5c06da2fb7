"""What `zoo show` says of derivatives."""

from zoo.card_derivatives import derivatives
from zoo.models.estimators.recommended import recommended


def test_show_tells_how_to_train_on_derivatives_of_a_field(zoo):
    code, out, _ = zoo("show", "derl-kdv")
    assert code == 0
    wanted = f"derivatives: exact; for residuals in 2 coordinates: {recommended(2)}"
    assert wanted in out.splitlines()


def test_show_is_silent_of_them_where_there_are_none(zoo):
    code, out, _ = zoo("show", "fno-poisson-32")
    assert code == 0 and "derivatives: exact" not in out


def test_a_smoothed_field_behind_an_ansatz_has_no_exact_ones():
    smoothed = {"class_path": "zoo.models.smoothed.Smoothed", "init_args": {}}
    arguments = {"interface": {"inputs": ["x"], "region": [[0, 1]]}, "inner": smoothed}
    block = {"class_path": "zoo.models.constrained.Constrained", "init_args": arguments}
    assert derivatives({"model": block}) is None
    arguments["inner"] = {"class_path": "zoo.models.mlp.MLP", "init_args": {}}
    assert derivatives({"model": block}).startswith("derivatives: exact; ")
