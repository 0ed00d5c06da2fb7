"""What arrives is whole, of one commit, and what the release says; or it is not kept."""

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from tests.hub.clients import Client, contents, finished, publish
from zoo.hubserver import LoopbackHub

TWICE = """
for name in sys.argv[1:]:
    attempt(name + " first", hub.pull, name)
    attempt(name + " then", hub.pull, name)
"""


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A release by hand whose weights are longer than the client's buffer of 10 MiB."""
    folder = tmp_path / "long"
    folder.mkdir()
    weights = save({"w": np.arange(6 << 20, dtype=np.float32)})
    told = {"format": 1, "sha256": hashlib.sha256(weights).hexdigest()}
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text(json.dumps(told))
    (folder / "README.md").write_text("# long\n")
    return folder


def kept(client: Client, data: bytes) -> bool:
    """Whether these bytes lie anywhere in the client's home."""
    files = [path for path in client.home.rglob("*") if path.is_file()]
    return any(path.read_bytes() == data for path in files)


def test_config_and_weights_are_of_one_commit_when_somebody_pushes_in_between(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    first = publish(hub, "lab/poisson", releases[0])
    hub.fault(
        "/resolve/.*/config.json",
        times=1,
        before=lambda: publish(hub, "lab/poisson", releases[1]),
    )
    said = client.python(TWICE, "lab/poisson")
    before, after = (Path(said[f"lab/poisson {when}"]["value"]) for when in ("first", "then"))
    assert before.name == first
    assert contents(before) == contents(releases[0])
    assert contents(after) == contents(releases[1])


def test_weights_that_are_not_those_of_the_config_are_refused_and_not_kept(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    other = contents(releases[1])["model.safetensors"]
    publish(hub, "lab/mixed", releases[0], model__safetensors=other)
    publish(hub, "lab/bare", releases[0], config__json=b"{}")
    said = client.python(TWICE, "lab/mixed", "lab/bare")
    for when in ("first", "then"):
        error = said[f"lab/mixed {when}"]
        assert (error["repo"], error["file"]) == ("lab/mixed", "model.safetensors")
        assert "sha256" in error["cause"]
    assert not kept(client, other)
    assert said["lab/bare first"]["file"] == "config.json"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_wrong_bytes_of_the_right_size_are_refused_not_kept_and_fetched_anew(
    hub: LoopbackHub, client: Client, releases: list[Path], name: str
) -> None:
    publish(hub, "lab/poisson", releases[0])
    hub.fault(f"GET .*/{name}", corrupt=True, times=1)
    said = client.python(TWICE, "lab/poisson")
    assert said["lab/poisson first"]["file"] == name
    assert "not kept" in said["lab/poisson first"]["cause"]
    assert contents(Path(said["lab/poisson then"]["value"])) == contents(releases[0])


def test_weights_that_change_in_the_cache_are_noticed(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    said = client.python(
        "folder = Path(attempt('cold', hub.pull, 'lab/poisson'))\n"
        "file = (folder / 'model.safetensors').resolve()\n"
        "file.write_bytes(file.read_bytes()[:-1] + b'!')\n"
        "attempt('changed', hub.pull, 'lab/poisson')\n"
        "attempt('anew', hub.pull, 'lab/poisson')"
    )
    assert said["changed"]["file"] == "model.safetensors"
    assert contents(Path(said["anew"]["value"])) == contents(releases[0])


@pytest.mark.parametrize("ignore", [False, True])
def test_a_cut_transfer_goes_on_where_it_was_or_starts_again(
    hub: LoopbackHub, client: Client, long: Path, ignore: bool
) -> None:
    publish(hub, "lab/long", long)
    hub.fault("GET /get/", cut_after=(20 << 20) + 5, times=1)
    hub.fault("GET /get/", ignore_range=ignore)
    said = client.python("attempt('pull', hub.pull, 'lab/long')")
    assert contents(Path(said["pull"]["value"])) == contents(long)
    sent = [(one.range, one.status) for one in hub.requests if one.path.startswith("/get/")]
    assert sent == [(None, 200), ("bytes=20971520-", 200 if ignore else 206)]


def test_a_transfer_that_is_always_cut_is_an_error_and_leaves_nothing(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    hub.fault("GET /get/", cut_after=100)
    said = client.python("attempt('pull', hub.pull, 'lab/poisson')")
    assert said["pull"]["file"] in ("model.safetensors", "probe.safetensors")
    assert "broke off" in said["pull"]["cause"]
    assert said["pull"]["seconds"] < 6
    assert not list(client.home.rglob("*.incomplete"))


def test_three_processes_fill_one_cold_cache_and_fetch_the_weights_once(
    hub: LoopbackHub, client: Client, long: Path
) -> None:
    publish(hub, "lab/long", long)
    start = time.time() + 2.5
    script = (
        "import huggingface_hub\n"
        f"time.sleep(max(0, {start} - time.time()))\n"
        "attempt('pull', hub.pull, 'lab/long')"
    )
    processes = [client.start(script) for _ in range(3)]
    folders = {finished(process)["pull"]["value"] for process in processes}
    assert len(folders) == 1
    assert contents(Path(folders.pop())) == contents(long)
    assert len([one for one in hub.requests if one.path.startswith("/get/")]) == 1
