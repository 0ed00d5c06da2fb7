"""`zoo list | show | verify | compare | pack | push | pull | cache`, as a user types them."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

import zoo as package
from tests.cli.conftest import environment, process
from tests.cli.test_files import trained
from zoo import release, shelf
from zoo.hubserver.loopback import LoopbackHub

__all__ = ["trained"]


@pytest.fixture
def shipped(monkeypatch, trained):
    """A shelf with one release on it."""
    monkeypatch.setattr(shelf, "checkpoints", lambda: {"fno-toy": trained})
    return trained


def test_list_shows_name_equation_and_size(shipped, zoo):
    code, out, _ = zoo("list")
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("fno-toy"))
    assert "poisson" in row and "FNO 2-D" in row
    count = sum(p.numel() for p in package.from_pretrained(shipped).parameters())
    assert f"{count:,}" in row


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["fno-*"], True),
        (["--equation", "Poisson"], True),
        (["--equation", "helm*"], False),
        (["--dimension", "3"], False),
        (["--architecture", "fno", "--objective", "supervised"], True),
    ],
)
def test_list_filters(words, found, shipped, zoo):
    code, out, _ = zoo("list", *words)
    assert code == 0
    assert ("fno-toy" in out) is found


def test_show_tells_channels_units_ranges_and_figures(shipped, zoo):
    code, out, _ = zoo("show", "fno-toy")
    assert code == 0
    for word in ("k11", "validation/relative_l2", "folder:", str(shipped)):
        assert word in out
    assert not out.startswith("---")


def test_a_name_that_is_none_is_answered_with_near_ones(shipped, zoo):
    code, _, err = zoo("show", "fno-tyo")
    assert code == 1
    assert "fno-toy" in err and "Traceback" not in err


def test_verify_passes_and_a_changed_weight_fails(trained, zoo, here):
    import shutil

    copy = shutil.copytree(trained, here / "copy")
    code, out, _ = zoo("verify", copy)
    assert code == 0 and "all checks passed" in out
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    code, out, _ = zoo("verify", copy)
    assert code == 1 and "FAIL" in out


def test_compare_and_pack(trained, zoo, here):
    code, out, _ = zoo("compare", trained, trained)
    assert code == 0 and "validation/relative_l2" in out
    assert zoo("pack", trained, here / "bundle")[0] == 0
    assert package.from_pretrained(here / "bundle").interface.inputs == ("f",)


def test_push_tag_pull_and_run(trained, here):
    with LoopbackHub(here / "hub") as hub:
        hub.add_user("me", "t-me")
        login = ["--endpoint", hub.url, "--token", "t-me"]
        done = process("push", trained, "me/toy", "--tag", "v1", *login)
        assert done.returncode == 0, done.stderr
        assert "me/toy" in done.stdout and "t-me" not in done.stdout + done.stderr
        done = process("pull", "me/toy@v1", *login)
        assert done.returncode == 0, done.stderr
        folder = done.stdout.strip().splitlines()[-1]
        assert release.describe(folder)["sha256"] == release.describe(trained)["sha256"]
        done = process("pull", "me/tyo", *login)
        assert done.returncode == 1 and "me/tyo" in done.stderr and "t-me" not in done.stderr
        assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 5
        _a_pulled_release_is_what_chains_and_recipes_start_from(hub.url)


def _a_pulled_release_is_what_chains_and_recipes_start_from(url):
    login = {"HF_ENDPOINT": url, "HF_TOKEN": "t-me"}
    done = process("run", "me/toy@v1", env={**environment(), **login})
    assert done.returncode == 0, done.stderr
    again = release.describe("runs/toy/release")
    assert again["model"]["class_path"] == "zoo.models.fno.FNO"


def test_hub_serve_says_how_to_use_it_and_ends_on_interrupt(here):
    served = subprocess.Popen(
        [sys.executable, "-m", "zoo", "hub", "serve", "--port", "0", "--folder", str(here / "hub")],
        env={**environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert served.stdout is not None
    lines, end = [], time.monotonic() + 30
    while time.monotonic() < end and not any("http://127.0.0.1" in line for line in lines):
        lines.append(served.stdout.readline())
    os.kill(served.pid, signal.SIGINT)
    rest = served.communicate(timeout=30)[0]
    told = "".join(lines) + rest
    assert served.returncode == 0, told
    assert re.search(r"http://127\.0\.0\.1:\d+", told) and "HF_ENDPOINT=" in told


def test_cache_is_shown_and_emptied(zoo, here, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(here / "own"))
    (here / "own" / "data").mkdir(parents=True)
    (here / "own" / "data" / "x").write_bytes(b"0" * 2_000_000)
    code, out, _ = zoo("cache", "show")
    assert code == 0 and re.search(r"data +2\.0 MB +1 files", out)
    assert zoo("cache", "empty") == (0, f"2.0 MB freed in {here / 'own'}\n", "")
    assert list((here / "own").iterdir()) == []


def test_doctor_looks_around(zoo):
    _, out, _ = zoo("doctor")
    assert "torch" in out and "cache" in out
