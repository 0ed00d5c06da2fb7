import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.data import parallel_files
from tests.data.recordings import held
from zoo.data import recorded
from zoo.data.augment.random_shift import RandomShift
from zoo.data.fields import SPLITS, Fields, FieldSet
from zoo.data.formats.recording import FileError, Told
from zoo.data.mixture import Mixture
from zoo.data.recorded import Clips, Recorded
from zoo.data.window import Window
from zoo.figures import trivials
from zoo.metrics.trivial import trivial
from zoo.models.base import block, build


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A file that stands for a recording in memory; call it to change the recording."""
    path = tmp_path / "mine.h5"
    path.write_text("stands for its contents")

    def change(**changes):
        made = held(path, **changes)
        monkeypatch.setattr(recorded.detect, "opened", lambda paths, told=None: made)
        return made

    change()
    change.path = str(path)
    return change


class InMemory(FieldSet):
    """The same samples as tensors."""

    def __init__(self, lazy: Recorded) -> None:
        self.lazy, self.length, self.dt = lazy, lazy.length, lazy.dt

    def __getattribute__(self, name):
        if name in ("lazy", "length", "dt", "split", "equation", "fill", "__class__", "__dict__"):
            return object.__getattribute__(self, name)
        return getattr(self.lazy, name)

    def split(self, split):
        data = self.lazy.split(split)
        frames = data.frames.whole()
        return Fields(frames[:, :1], frames[:, -1:, :2], data.p, frames)


InMemory.__abstractmethods__ = frozenset()


def mixtures(source, window, clips=None, **options):
    lazy = Recorded(source.path, clips=clips)
    return [Mixture([s], 4, seed=0, window=window, **options) for s in (lazy, InMemory(lazy))]


WINDOWS = [
    Window(history=3),
    Window(history=2, offset=4, start="random"),
    Window(history=2, horizon=2, start="random", unroll=2, evaluate=3),
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("augment", [[], [RandomShift()]])
def test_batches_are_bit_equal_to_those_of_the_same_frames_in_memory(source, window, augment):
    lazy, memory = mixtures(source, window, augment=augment)
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        pairs = list(zip(getattr(lazy, loader)(), getattr(memory, loader)(), strict=True))
        assert pairs
        for one, two in pairs:
            assert set(one) == set(two)
            assert all(torch.equal(one[key], two[key]) for key in one)


def test_workers_read_the_same_batches(source):
    def batches(workers):
        data = Mixture([Recorded(source.path)], 4, seed=0, window=WINDOWS[1], workers=workers)
        return [(b["u"], b["y"]) for b in data.train_dataloader()]

    for one, two in zip(batches(0), batches(2), strict=True):
        assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])


def test_a_rank_reads_its_own_samples_only(source, monkeypatch):
    data = Mixture([Recorded(source.path)], 4, seed=0, window=Window(history=3))
    monkeypatch.setattr(data, "_ranks", lambda: (1, 2))
    loader = data.train_dataloader()
    data.sets[0].recording.reads.clear()
    own = sum(len(batch["u"]) for batch in loader)
    assert own == 3  # of 6, in batches of 4 and 2
    reads = data.sets[0].recording.reads
    assert len(reads) == own and all(read[1:] == (0, 4, 1) for read in reads)


def test_two_gloo_processes_learn_from_a_file_as_one(ranks):
    zero, one = ranks("files")
    for key, value in parallel_files.train().items():
        assert torch.equal(zero[key], one[key]), key
        assert torch.allclose(zero[key], value, atol=1e-6), key


def test_targets_have_no_constants_and_inputs_have_them(source):
    data = mixtures(source, Window(history=3))[0]
    batch = next(iter(data.train_dataloader()))
    assert batch["u"].shape == (4, 3, 3, 6, 4) and batch["y"].shape == (4, 1, 2, 6, 4)
    face = data.interface()
    assert (face.inputs, face.outputs) == (("a", "b", "wall"), ("a", "b"))
    assert face.units == {"a": "m/s", "b": "1", "wall": "1", "nu": "m^2/s"}
    assert (face.dt, face.box, face.boundary) == (0.5, (3.0, 2.0), "periodic")


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("clips", [None, Clips(8, every=2), Clips(8, 1, stride=1)])
def test_streamed_statistics_are_those_of_the_frames_in_memory(source, window, clips):
    lazy, memory = (data.statistics() for data in mixtures(source, window, clips))
    assert set(lazy) == set(memory)
    for name, value in memory.items():
        assert_close(lazy[name], value, rtol=1e-12, atol=0, msg=name)


def test_statistics_of_a_mixture_of_a_file_and_of_tensors_are_those_of_both(source):
    first = Recorded(source.path)
    second = Recorded(source.path, seed=1, name="other")
    pairs = ([first, InMemory(second)], [InMemory(first), InMemory(second)])
    one, two = (Mixture(sets, 4, seed=0, window=WINDOWS[0]).statistics() for sets in pairs)
    for name, value in two.items():
        assert_close(one[name], value, rtol=1e-12, atol=0, msg=name)


def test_a_file_is_read_once_for_statistics_and_again_when_it_changes(source, tmp_path):
    Recorded(source.path).split("train")
    again = source()
    Recorded(source.path, clips=Clips(4), train=0.3, seed=3).split("train")
    assert again.reads == []
    (tmp_path / "mine.h5").write_text("something longer, and later")
    Recorded(source.path).split("train")
    assert len(again.reads) == 10


def test_clips_cut_every_window_and_lengthen_the_step():
    clips = Clips(span=3, every=2, stride=4)
    assert clips.starts(20) == [0, 8] and clips.length(20) == 3  # frames 0 4 8, and 8 12 16
    assert Clips().starts(20) == [0] and Clips().length(20) == 20
    assert Clips(stride=3).length(20) == 7


def test_samples_are_the_clips_of_the_splits_trajectories(source):
    item = Recorded(source.path, clips=Clips(span=3, every=2, stride=2))
    assert (item.dt, item.length, item.count("train")) == (1.0, 3, 6 * 2)
    data = item.split("train")
    frames = item.recording.frames
    first, second = int(item.trajectories("train")[0]), int(item.trajectories("train")[1])
    assert torch.equal(data.frames[0], torch.tensor(frames[first, 0:5:2]))
    assert torch.equal(data.frames[1], torch.tensor(frames[first, 4:9:2]))
    assert torch.equal(data.frames[2], torch.tensor(frames[second, 0:5:2]))
    assert_close(data.p[:3, 0], torch.tensor(item.recording.table[[first, first, second], 0]))


def test_trajectories_never_stand_in_two_splits_and_fewer_leave_the_others(source):
    whole, few = Recorded(source.path), Recorded(source.path, train=0.2)
    parts = [whole.trajectories(split).tolist() for split in SPLITS]
    assert [len(part) for part in parts] == [6, 2, 2]
    assert len({*parts[0], *parts[1], *parts[2]}) == 10
    assert few.trajectories("test").tolist() == parts[2]
    assert few.trajectories("train").tolist() == parts[0][:2]


def test_persistence_and_the_mean_are_those_of_the_frames_in_memory(source):
    lazy, memory = mixtures(source, Window(history=3, evaluate=2), Clips(6, every=2))
    one, two = (
        trivial(d.sets[0], d.split("train")[0], d.split("test")[0], [0]) for d in (lazy, memory)
    )
    assert set(one) == {"zero", "mean", "persistence"}
    assert one == pytest.approx(two, rel=1e-6)
    y = memory.split("test")[0].y.double()
    last = memory.split("test")[0].u[:, -1:, :2].double().expand_as(y)
    want = ((last - y).flatten(1).norm(dim=1) / y.flatten(1).norm(dim=1)).mean()
    assert one["persistence"] == pytest.approx(float(want), rel=1e-6)


def test_persistence_is_there_where_nothing_is_for_training(source):
    item = Recorded(source.path, train=0.0, validation=0.0, test=1.0)
    data = Mixture([item], 4, window=Window(history=3))
    scores = trivials(data, "test", "relative_l2")[item.name]
    assert set(scores) == {"zero", "persistence"} and 0 < scores["persistence"] < scores["zero"]


def test_fewer_examples_are_whole_trajectories_of_the_larger_set(source):
    few = Mixture([Recorded(source.path)], 2, seed=0, window=Window(history=3), limit=2)
    places = few.split("train")[0].frames.places
    assert len(places) == 2
    assert set(places[:, 0]) <= set(few.sets[0].trajectories("train").tolist())


def test_the_block_builds_it_again(source):
    item = Recorded(source.path, told=Told(dt=0.5, rename={"p": "a"}), clips=Clips(4, 2))
    again = build(block(item), object, ("zoo.data.",))
    assert block(again) == block(item)
    assert again.clips == item.clips and again.told == item.told


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"box": None}, r"side lengths.*told\.box \(--box\), 2 positive numbers"),
        ({"dt": None}, r"between two frames.*told\.dt"),
        ({"box": (1.0,)}, r"box=\[1\.0\].*\(6, 4\)"),
    ],
)
def test_what_must_be_known_names_the_key_that_says_it(source, changes, text):
    source(**changes)
    with pytest.raises(FileError, match=text):
        Recorded(source.path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_frame_that_is_not_finite_is_named_whatever_its_split(source, value):
    made = source()
    made.frames[7, 5, 1, 0, 0] = value
    with pytest.raises(FileError, match=r"mine\.h5: trajectory 7, frame 5 .*1 values of b .*told"):
        Recorded(source.path).split("test")


def test_frames_that_a_stride_leaves_out_may_be_anything(source):
    made = source()
    made.frames[7, 5, 1, 0, 0] = np.nan
    assert Recorded(source.path, clips=Clips(stride=2)).count("train") == 6


def test_a_constant_channel_is_named_with_the_channels_to_keep(source):
    made = source()
    made.frames[:, :, 1] = 0.1
    with pytest.raises(FileError, match=r"b is 0\.1.*zero variance.*channels=\['a', 'wall'\]"):
        Recorded(source.path).split("train")


def test_a_channel_that_is_constant_in_the_test_alone_is_none_of_trainings_concern(source):
    made = source()
    item = Recorded(source.path)
    made.frames[item.trajectories("test"), :, 1] = 0.1
    assert len(item.split("test")) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"train": 0.01}, r"train=0\.01 of 10 trajectories is none"),
        ({"clips": Clips(13)}, r"clips of 13 frames.*longer than the trajectories"),
        ({"train": 0.9}, r"add up to at most 1"),
    ],
)
def test_options_that_leave_nothing_are_refused(source, options, text):
    with pytest.raises(ValueError, match=text):
        Recorded(source.path, **options)


def test_clips_shorter_than_the_window_name_both(source):
    with pytest.raises(ValueError, match=r"have 4 frames, the window needs 9"):
        Mixture([Recorded(source.path, clips=Clips(4))])


def test_a_boundary_that_nobody_states_is_unstated(source):
    source(boundary=None)
    assert Recorded(source.path).boundary == "unstated"
