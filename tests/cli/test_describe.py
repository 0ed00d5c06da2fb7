"""`zoo data describe FILE` and `zoo data export`: what is in a file of simulations."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from tests.cli.conftest import write
from zoo.data.formats.recording import Contents
from zoo.data.formats.well_writer import WellWriter
from zoo.data.mixture import Mixture
from zoo.data.trajectories import Trajectories
from zoo.data.window import Timeline, Window
from zoo.models.base import block
from zoo.pde.box import Box
from zoo.pde.burgers import Burgers
from zoo.pde.waves import RandomWaves

BURGERS = "zoo.pde.burgers.Burgers"


@pytest.fixture(scope="session")
def solutions():
    """Three solutions of Burgers' equation in 1-D, six frames, and their coefficients."""
    equation, box, rng = Burgers(1), Box((2.0,), (64,)), torch.Generator().manual_seed(0)
    p = equation.draw(3, rng)
    u0 = RandomWaves().draw(3, box, rng, 1)
    times = torch.arange(6, dtype=torch.float64) * 0.05
    return equation.evolve(box, u0, p, times, steps=8).numpy(), p.numpy()


@pytest.fixture
def file(here, solutions):
    """Those in a file; call it with changes."""

    def make(name="mine.h5", change=None, **told):
        frames, p = solutions[0].astype(np.float32), solutions[1]
        if change is not None:
            frames = change(frames.copy())
        contents = Contents(
            **{
                "path": Path(name),
                "layout": "The Well",
                "channels": ("u",),
                "coefficients": ("nu", "cx"),
                "shape": (64,),
                "trajectories": 3,
                "frames": 6,
                "box": (2.0,),
                "boundary": "periodic",
                "dt": 0.05,
                "units": {"u": "m/s", "nu": "m^2/s"},
                **told,
            }
        )
        with WellWriter(name, contents, attributes={"author": "a test"}) as writer:
            writer.add(frames, p[:, : len(contents.coefficients)])
        return name

    return make


def told(zoo, *words):
    code, out, err = zoo("data", "describe", *words)
    assert code == 0, err
    return out


def test_grid_box_times_and_attributes_are_told(file, zoo):
    out = told(zoo, file())
    assert out.startswith("mine.h5: The Well\ntrajectories: 3 of 6 frames, dt: 0.05\n")
    assert "grid: 64, box: 2, boundary: periodic, first point: 0\n" in out
    assert "attribute author: a test" in out


def test_ranges_of_channels_and_coefficients_are_those_of_the_file(file, zoo, solutions):
    lines = told(zoo, file()).splitlines()
    frames, p = solutions
    row = next(line for line in lines if line.startswith("  u ")).split()
    want = [frames.min(), frames.max(), np.sqrt((frames**2).mean())]
    assert [float(x) for x in row[1:4]] == pytest.approx(want, rel=1e-3) and row[4] == "m/s"
    row = next(line for line in lines if line.startswith("  nu ")).split()
    assert [float(x) for x in row[1:3]] == pytest.approx([p[:, 0].min(), p[:, 0].max()], rel=1e-3)
    assert next(line for line in lines if line.startswith("  cx ")).endswith("not stated")


def test_values_that_are_not_finite_are_counted_and_the_first_is_named(file, zoo):
    def spoil(frames):
        frames[1, 4, 0, :3] = np.nan
        frames[2, 0, 0, 5] = np.inf
        return frames

    out = told(zoo, file(change=spoil))
    assert "not finite: 4 values in 2 frames of 2 trajectories; the first: u in trajectory 1" in out
    assert "frame 4 of mine.h5" in out and "nan" not in out


def test_the_bad_frame_of_several_files_is_named_in_its_own(file, zoo):
    def spoil(frames):
        frames[2, 3] = np.nan
        return frames

    out = told(zoo, file("one.h5"), file("two.h5", spoil))
    assert out.startswith("one.h5 and 1 more: The Well\ntrajectories: 6 of")
    assert "u in trajectory 2, frame 3 of two.h5" in out


def test_a_channel_of_one_number_is_told(file, zoo):
    assert "one and the same number" in told(zoo, file(change=lambda frames: frames * 0 + 2))


def test_what_the_file_does_not_say_is_told_with_the_option_that_says_it(file, zoo):
    name = file(box=None, dt=None, boundary=None)
    out = told(zoo, name)
    assert all(f"not stated: say it with --{key}" in out for key in ("box", "dt", "boundary"))
    out = told(zoo, name, "--box", "2", "--dt", "0.05", "--boundary", "periodic")
    assert "dt: 0.05" in out and "box: 2, boundary: periodic" in out


def residual(out):
    line = next(line for line in out.splitlines() if line.startswith("residual"))
    words = line.replace(",", " ").split()
    return float(words[words.index("median") + 1]), float(words[-1])


def test_the_residual_of_solutions_is_small_and_of_another_law_large(file, zoo):
    right, still = residual(told(zoo, file(), "--equation", BURGERS))
    wrong, _ = residual(told(zoo, file(), "--equation", BURGERS, "--coefficient", "cx=-1"))
    assert right < 1e-3 < 0.01 < still < wrong


def test_fields_are_matched_by_another_name_and_coefficients_can_be_given(file, zoo):
    name = file(channels=("w",), units={}, coefficients=())
    given = [f"--coefficient={key}={0.01 if key == 'nu' else 0.7}" for key in ("nu", "cx")]
    assert residual(told(zoo, name, "--equation", BURGERS, *given, "--rename", "w=u"))[0] > 0
    code, _, err = zoo("data", "describe", name, "--equation", BURGERS)
    assert code == 2 and "needs nu, cx, which the file has not" in err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--equation", "zoo.pde.gray_scott.GrayScott"], "--rename u="),
        (["--equation", "zoo.pde.burger.Burgers"], "there are zoo.pde"),
        (["--equation", "zoo.pde.poisson.Poisson"], "another dimension"),
        (["--equation", BURGERS, "--coefficient", "mu=1"], "mu: burgers has"),
        (["--coefficient", "nu=1"], "of which --equation"),
        (["--equation", BURGERS, "--boundary", "wall"], "boundary wall"),
        (["other.yaml"], "other.yaml is none"),
    ],
)
def test_words_that_do_not_fit_are_refused(words, text, file, zoo):
    code, _, err = zoo("data", "describe", file(), *words)
    assert code == 2 and text in err


def test_a_file_that_is_missing_or_of_another_kind_is_told(zoo, here):
    Path("text.h5").write_text("no numbers")
    for name, text in (("none.h5", "does not exist"), ("text.h5", "not HDF5")):
        code, _, err = zoo("data", "describe", name)
        assert code == 1 and text in err


def test_a_recipes_trajectories_are_exported_and_described(zoo, here):
    item = Trajectories(
        Burgers(1), 16, train=1, validation=0, test=2, timeline=Timeline(4, 0.05), tolerance=1e-2
    )
    data = block(Mixture([item], 1, window=Window(history=1)))
    write("it.yaml", {"model": {}, "data": data})
    code, out, err = zoo("data", "export", "it.yaml", "--out", "out.h5")
    assert (code, out) == (0, "out.h5: 2 trajectories\n") and "MB of disk" in err
    with h5py.File("out.h5") as found:
        assert found.attrs["split"] == "test" and found["t0_fields/u"].shape == (2, 4, 16)
    out = told(zoo, "out.h5", "--equation", BURGERS)
    assert "trajectories: 2 of 4 frames" in out and residual(out)[0] < 0.05
