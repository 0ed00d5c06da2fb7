"""What was pulled once is there without a Hub."""

from pathlib import Path

from tests.hub.clients import Client, contents, publish
from zoo.hubserver import LoopbackHub

WARM = """
for name in sys.argv[1:]: attempt(name, hub.pull, name)
attempt("other tag", hub.pull, "lab/poisson", "v2")
attempt("other repo", hub.pull, "lab/helmholtz")
"""


def test_a_warm_cache_serves_branch_tag_and_commit_without_a_hub(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    commit = publish(hub, "lab/poisson", releases[0])
    hub.store.repos["lab/poisson"].tags["v1"] = commit
    names = ["lab/poisson", "lab/poisson@v1", f"lab/poisson@{commit}"]
    client.python(WARM, *names)
    asked = len(hub.requests)
    offline = client.python(WARM, *names, HF_HUB_OFFLINE="1")
    assert len(hub.requests) == asked
    hub.fault("", status=503)
    troubled = client.python(WARM, *names)
    hub.stop()
    down = client.python(WARM, *names)
    for said in (offline, troubled, down):
        for name in names:
            assert contents(Path(said[name]["value"])) == contents(releases[0])
        for name in ("other tag", "other repo"):
            assert said[name]["seconds"] < 6
    assert "HF_HUB_OFFLINE" in offline["other repo"]["cause"]
    assert "cannot be reached" in down["other tag"]["cause"]
    assert "503" in troubled["other repo"]["cause"]
    assert "gave no answer" not in offline.text
    assert "answered 503; lab/poisson@main is the cached commit" in troubled.text
    assert down.text.count("gave no answer; lab/poisson@") == 2


def test_a_release_that_was_cached_in_part_is_an_error_offline(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    client.python("hub.pull('lab/poisson', files=['config.json'])")
    said = client.python("attempt('pull', hub.pull, 'lab/poisson')", HF_HUB_OFFLINE="1")
    assert "not whole" in said["pull"]["cause"]
    assert "Traceback" not in said.text
