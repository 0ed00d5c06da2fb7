"""Every failure is one error that says where, what, why and what to do, and says it soon."""

import time
from pathlib import Path

import pytest

from tests.hub.clients import Client, contents, publish
from zoo.hub import HubError, parse
from zoo.hubserver import LoopbackHub

STATUSES = (401, 403, 404, 412, 429, 500, 503)
QUICK = 6.0  # seconds; 1.1 on an idle machine, and 23 by the client alone


def whole(error: dict[str, str], repo: str, file: str | None = None) -> bool:
    """Whether an error names everything, and only once each."""
    where = f"{repo}@main, {file or 'all files'}: "
    text = f"{where}{error['cause']}; {error['remedy']}"
    return bool(error["cause"] and error["remedy"]) and error["text"] == text


def test_each_status_is_one_error_whatever_request_it_meets(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    weights = "model.safetensors"
    for status in STATUSES:
        publish(hub, f"lab/a{status}", releases[0])
        publish(hub, f"lab/f{status}", releases[0])
        hub.fault(f"/lab/a{status}/", status=status)
        hub.fault(f"/lab/f{status}/resolve/.*/{weights}", status=status)
    names = [f"lab/{kind}{status}" for status in STATUSES for kind in "af"]
    said = client.python("for name in sys.argv[1:]: attempt(name, hub.pull, name)", *names)
    for status in STATUSES:
        for name, file in ((f"lab/a{status}", None), (f"lab/f{status}", weights)):
            error = said[name]
            assert whole(error, name, file), error
            assert str(status) in error["cause"]
            assert error["seconds"] < QUICK
    assert "Traceback" not in said.text


def test_faults_of_the_content_origin_name_the_file_too(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    for repo, status in (("lab/x", 403), ("lab/y", 503), ("lab/z", 429)):
        data = contents(releases[0])["model.safetensors"] + repo.encode()
        publish(hub, repo, releases[0], model__safetensors=data)
        sha256 = hub.store.repos[repo].at("main").tree["model.safetensors"].sha256
        hub.fault(f"GET /get/{sha256}", status=status, retry_after=120)
    said = client.python("for name in ('lab/x', 'lab/y', 'lab/z'): attempt(name, hub.pull, name)")
    for name in ("lab/x", "lab/y", "lab/z"):
        assert whole(said[name], name, "model.safetensors"), said[name]
        assert said[name]["seconds"] < QUICK
    assert "wait 120 s" in said["lab/z"]["remedy"]


def test_a_server_that_is_busy_once_is_asked_again_and_the_user_is_told(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    hub.fault("/revision/main", status=503, times=1)
    hub.fault("/resolve/.*/config.json", status=429, times=1, retry_after=1)
    said = client.python("attempt('pull', hub.pull, 'lab/poisson')")
    assert contents(Path(said["pull"]["value"])) == contents(releases[0])
    assert said.text.count("trying once more in 1 s") == 1


def test_missing_things_are_told_apart(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    found = hub.store.repos["lab/poisson"]
    hub.store.commit(found, "main", {"model.safetensors": None}, "alice", "weights gone")
    said = client.python(
        "attempt('repo', hub.pull, 'lab/poison')\n"
        "attempt('revision', hub.pull, 'lab/poisson', 'v7')\n"
        "attempt('weights', hub.pull, 'lab/poisson')\n"
        "attempt('recipe', hub.pull, 'lab/poisson', files=['recipe.yaml'])\n"
        "attempt('owner', hub.pull, 'poisson')"
    )
    assert "no such repository" in said["repo"]["cause"]
    assert "no such branch, tag or commit" in said["revision"]["cause"]
    assert said["revision"]["text"].startswith("lab/poisson@v7, ")
    assert said["weights"]["file"] == "model.safetensors"
    assert said["recipe"]["file"] == "recipe.yaml"
    assert "owner/name" in said["owner"]["remedy"]


def test_what_stops_a_push_is_one_error_too(
    hub: LoopbackHub, client: Client, releases: list[Path], tmp_path: Path
) -> None:
    publish(hub, "lab/theirs", releases[0])
    script = "for name in sys.argv[2:]: attempt(name, hub.push, sys.argv[1], name)"
    read_only = Client(hub, tmp_path / "eve", "eve").python(script, releases[1], "lab/theirs")
    outsider = Client(hub, tmp_path / "bob", "bob").python(script, releases[1], "lab/theirs")
    nobody = Client(hub, tmp_path / "nobody", None).python(script, releases[1], "lab/theirs")
    hub.fault("POST /api/models/lab/a/commit", status=500)
    hub.fault("POST /lab/b.git/", status=429)
    hub.fault("PUT /put/", status=503, times=4)
    said = client.python(script, releases[1], "lab/c", "lab/a", "lab/b")
    for one, name, status in (
        (read_only, "lab/theirs", "403"),
        (outsider, "lab/theirs", "403"),
        (nobody, "lab/theirs", "401"),
        (said, "lab/a", "500"),
        (said, "lab/b", "429"),
        (said, "lab/c", "503"),
    ):
        assert status in one[name]["cause"], one.text
        assert one[name]["seconds"] < QUICK
        assert "Traceback" not in one.text
    assert said["lab/c"]["file"] in ("model.safetensors", "probe.safetensors", "preview.png")


def test_a_server_that_is_no_hub_drops_the_line_or_is_not_there(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    hub.fault("/revision/main", cut_after=5)
    said = client.python(
        "attempt('cut', hub.pull, 'lab/poisson')\n"
        "attempt('content', hub.pull, 'lab/poisson', endpoint=sys.argv[1])\n"
        "attempt('nobody', hub.pull, 'lab/poisson', endpoint='http://127.0.0.1:9')\n"
        "attempt('no name', hub.pull, 'lab/poisson', endpoint='http://hub.invalid')\n"
        "attempt('scheme', hub.push, sys.argv[2], 'lab/poisson', endpoint='ftp://127.0.0.1')",
        hub.content_url,
        releases[0],
    )
    assert "cannot be reached" in said["nobody"]["cause"]
    assert "HF_ENDPOINT" in said["nobody"]["remedy"]
    for name in ("cut", "content", "nobody", "scheme"):
        assert whole(said[name], "lab/poisson"), said[name]
        assert said[name]["seconds"] < QUICK
    assert "Traceback" not in said.text


def test_a_silent_server_is_waited_for_with_a_word_and_not_for_ever(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    hub.fault("/revision/main", before=lambda: time.sleep(6))
    said = client.python("attempt('pull', hub.pull, 'lab/poisson')", HF_HUB_ETAG_TIMEOUT="4")
    assert f"waiting for an answer from {hub.url}" in said.text
    assert "in time" in said["pull"]["cause"]
    assert said["pull"]["seconds"] < 4 + QUICK


@pytest.mark.parametrize(
    ("text", "revision", "found"),
    [
        ("lab/x", None, ("lab/x", None)),
        ("lab/x@v1", None, ("lab/x", "v1")),
        ("lab/x@dev/one", "dev/one", ("lab/x", "dev/one")),
        ("a/b.c-d_e", "main", ("a/b.c-d_e", "main")),
    ],
)
def test_ids_are_read(text: str, revision: str | None, found: tuple[str, str | None]) -> None:
    assert parse(text, revision) == found


@pytest.mark.parametrize(
    "text", ["x", "a/b/c", "a/b@", "a/b@-x", "a/../b", "/a", "a/b@x y", "a--b/c", "a/b.git", ""]
)
def test_what_is_no_id_is_refused_before_anybody_is_asked(text: str) -> None:
    with pytest.raises(HubError, match="owner/name"):
        parse(text)
    with pytest.raises(HubError, match="one of them"):
        parse("a/b@v1", "v2")
