"""What an equation generates goes into a file and comes back as it was."""

import pytest
import torch
import yaml
from torch.testing import assert_close

from zoo import exporting
from zoo.data.mixture import Mixture
from zoo.data.recorded import Clips, Recorded
from zoo.data.trajectories import Trajectories
from zoo.data.window import Timeline, Window
from zoo.models.base import block
from zoo.pde.gray_scott import GrayScott
from zoo.pde.heat import Heat
from zoo.reading import Mistake


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder of the exported file, the mixture of its recipe, and what was told."""
    folder = tmp_path_factory.mktemp("exported")
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(folder / "cache"))
    items = {"train": 4, "validation": 1, "test": 5, "timeline": Timeline(7, 0.05)}
    data = Mixture([Trajectories(GrayScott(), 12, **items)], 2, seed=0, window=Window(history=3))
    (folder / "it.yaml").write_text(yaml.safe_dump({"model": {}, "data": block(data)}))
    told = exporting.export(str(folder / "it.yaml"), "test", folder / "test.h5")
    yield folder, data, told
    patch.undo()


@pytest.fixture
def back(made):
    """The file as test data."""
    path = str(made[0] / "test.h5")
    shares = {"train": 0.0, "validation": 0.0, "test": 1.0}
    item = Recorded(path, name="gray_scott", **shares)
    return Mixture([item], 2, seed=0, window=Window(history=3))


def test_an_exported_file_holds_what_was_generated(made, back):
    assert made[2] == f"{made[0] / 'test.h5'}: 5 trajectories"
    item, want = back.sets[0], made[1].split("test")[0]
    data, order = item.split("test"), torch.as_tensor(item.trajectories("test"))
    assert torch.equal(data.frames.whole(), want.frames[order])
    assert torch.equal(data.p, want.p[order])


def test_names_units_box_and_time_come_back(made, back):
    assert back.interface() == made[1].interface()


def test_a_task_is_given_the_same_through_a_file_as_from_the_generator(made, back):
    order = torch.as_tensor(back.sets[0].trajectories("test"))
    one, two = list(back.test_dataloader()), list(made[1].test_dataloader())
    assert set(one[0]) == set(two[0])
    for key in set(one[0]) - {"weight"}:
        rows = [torch.cat([batch[key] for batch in batches]) for batches in (one, two)]
        assert torch.equal(rows[0], rows[1][order]), key


def test_an_export_tells_what_it_needs_before_and_refuses_where_there_is_less(made, capsys):
    path = str(made[0] / "it.yaml")
    exporting.export(path, "validation", made[0] / "few.h5")
    # 7 frames of 2 channels on 12 x 12 points in single precision, 4 coefficients in double
    assert f"needs {(7 * 2 * 144 * 4 + 4 * 8) / 1e6:.1f} MB" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        usage = type("Usage", (), {"free": 1000})
        patch.setattr(exporting.shutil, "disk_usage", lambda place: usage)
        with pytest.raises(Mistake, match=r"1\.2\.h5 needs 0\.0 MB of disk, 0\.0 MB are free"):
            exporting.export(path, "validation", made[0] / "1.2.h5")
    assert not list(made[0].glob("*1.2*"))


def test_a_split_without_samples_is_refused(made):
    data = Mixture([Trajectories(Heat(), 12, train=2, validation=0, test=0)], 2)
    (made[0] / "none.yaml").write_text(yaml.safe_dump({"model": {}, "data": block(data)}))
    with pytest.raises(Mistake, match=r"heat of .*has no test samples"):
        exporting.export(str(made[0] / "none.yaml"), "test", made[0] / "none.h5")


def test_several_files_are_one_set_and_a_block_lists_them(made):
    path = str(made[0] / "test.h5")
    item = Recorded([path, path], train=0.0, validation=0.0, test=1.0)
    assert item.count("test") == 10 and block(item)["init_args"]["path"] == [path, path]
    data, order = item.split("test").frames.whole(), item.trajectories("test")
    assert torch.equal(data, made[1].split("test")[0].frames[torch.as_tensor(order % 5)])


def test_clips_of_a_file_can_be_exported_again(made):
    clips = Clips(span=3, stride=2)
    item = Recorded(str(made[0] / "test.h5"), train=0.0, validation=0.0, test=1.0, clips=clips)
    data = Mixture([item], 2, window=Window(history=1))
    (made[0] / "clips.yaml").write_text(yaml.safe_dump({"model": {}, "data": block(data)}))
    exporting.export(str(made[0] / "clips.yaml"), "test", made[0] / "clips.h5")
    again = Recorded(str(made[0] / "clips.h5"), train=0.0, validation=0.0, test=1.0)
    assert (again.dt, again.length, again.contents.trajectories) == (0.1, 3, 10)
    order = torch.as_tensor(again.trajectories("test"))
    want = item.split("test").frames.whole()[order]
    assert_close(again.split("test").frames.whole(), want, rtol=0, atol=0)
