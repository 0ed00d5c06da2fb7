"""What a run is called where others name it as their parent."""

from pathlib import Path

import pytest

from zoo.task_release import run_name


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("runs/incremental/first/seed_everything=30", "first/seed_everything=30"),
        (
            "runs/incremental/extend/method=derl,seed_everything=30",
            "extend/method=derl,seed_everything=30",
        ),
        ("runs/chain/pretrain", "pretrain"),
        ("runs/poisson", "poisson"),
    ],
)
def test_a_variant_is_named_with_its_stage(folder, name):
    assert run_name(Path(folder)) == name
