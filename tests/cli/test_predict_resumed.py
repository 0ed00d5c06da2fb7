"""`zoo predict` that was stopped goes on where it stood, and gives what it would have given."""

import os
import signal
from pathlib import Path

import pytest

from tests.cli.moving import frames_of, inside, plain, recorded, released
from tests.recipes.test_kill import begin
from zoo.data.formats.well_stream import WellStream
from zoo.models.fno import FNO


@pytest.fixture(scope="session")
def moving(tmp_path_factory):
    return released(tmp_path_factory.mktemp("moving") / "moving")


class Killed(Exception):
    pass


@pytest.mark.parametrize("calls", [1, 3, 5, 7])
def test_what_was_stopped_goes_on_and_gives_the_same_bytes(calls, moving, zoo, here, monkeypatch):
    recorded("mine.h5")
    words = plain("predict", moving, "mine.h5", "--batch", "2")
    assert zoo(*words, "--out", "whole/result.h5")[0] == 0
    append, count = WellStream.append, iter(range(100))

    def stopped(self, *given):
        if next(count) == calls:
            raise Killed
        append(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(WellStream, "append", stopped)
        with pytest.raises(Killed):
            zoo(*words, "--out", "part/result.h5")
    assert not Path("part/result.h5").exists()
    applied, forward = [], FNO.forward
    monkeypatch.setattr(
        FNO, "forward", lambda self, *given: applied.append(1) or forward(self, *given)
    )
    assert zoo(*words, "--out", "part/result.h5")[0] == 0
    # three batches of five frames, of which so many had been written
    assert len(applied) == 15 - calls
    assert inside("part/result.h5") == inside("whole/result.h5")
    assert os.listdir("part") == ["result.h5"]


def test_a_killed_process_leaves_what_the_next_one_goes_on_with(moving, zoo, here, monkeypatch):
    recorded("mine.h5")
    words = plain("predict", str(moving), "mine.h5", "--batch", "2")
    append, count = WellStream.append, iter(range(100))

    def killed(self, *given):
        if next(count) == 8:
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(WellStream, "append", killed)
        status = os.waitpid(begin(words), 0)[1]
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert not Path("mine-predicted.h5").exists()
    assert zoo(*words)[0] == 0
    resumed = inside("mine-predicted.h5")
    assert zoo(*words, "--again")[0] == 0
    assert inside("mine-predicted.h5") == resumed
    assert sorted(os.listdir()) == ["mine-predicted.h5", "mine.h5"]


def test_another_prediction_does_not_go_on_with_it(moving, zoo, here, monkeypatch):
    recorded("mine.h5")
    append, count = WellStream.append, iter(range(100))

    def stopped(self, *given):
        if next(count) == 2:
            raise Killed
        append(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(WellStream, "append", stopped)
        with pytest.raises(Killed):
            zoo(*plain("predict", moving, "mine.h5"))
    code, _, err = zoo(*plain("predict", moving, "mine.h5", "--steps", "3"))
    assert code == 1 and "was begun with" in err
    assert zoo(*plain("predict", moving, "mine.h5", "--steps", "3", "--again"))[0] == 0
    assert frames_of("mine-predicted.h5")[1].frames == 3


def test_a_result_that_is_there_is_not_made_twice(moving, zoo, here):
    recorded("mine.h5")
    assert zoo(*plain("predict", moving, "mine.h5"))[0] == 0
    stamp = Path("mine-predicted.h5").stat().st_mtime_ns
    code, _, err = zoo(*plain("predict", moving, "mine.h5"))
    assert code == 0 and "is complete already; --again makes it anew" in err
    assert Path("mine-predicted.h5").stat().st_mtime_ns == stamp


def test_another_result_is_not_overwritten_unless_told_to(moving, zoo, here):
    recorded("mine.h5")
    assert zoo(*plain("predict", moving, "mine.h5"))[0] == 0
    code, _, err = zoo(*plain("predict", moving, "mine.h5", "--steps", "2"))
    assert code == 1 and "is another result (zoo_steps is 5, not 2)" in err
    assert zoo(*plain("predict", moving, "mine.h5", "--steps", "2", "--again"))[0] == 0
    assert frames_of("mine-predicted.h5")[1].frames == 2
