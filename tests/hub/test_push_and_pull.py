"""Push and pull by an unmodified client in a process of its own."""

from pathlib import Path

from tests.hub.clients import Client, contents, publish
from zoo.hubserver import LoopbackHub

PULLS = """
for revision in sys.argv[1:]:
    attempt(revision, hub.pull, "lab/poisson", revision)
attempt("in the id", hub.pull, "lab/poisson@v1")
"""


def test_what_the_hf_tool_pushes_is_pulled_by_branch_tag_and_commit(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    client.hf("repos", "create", "lab/poisson")
    client.hf("upload", "lab/poisson", releases[0], ".")
    client.hf("repos", "tag", "create", "lab/poisson", "v1")
    tagged = hub.store.repos["lab/poisson"].tags["v1"]
    client.hf("upload", "lab/poisson", releases[1], ".")
    said = client.python(PULLS, "main", "v1", tagged, tagged[:9])
    first, second = contents(releases[0]), contents(releases[1])
    assert contents(Path(said["main"]["value"])) == second
    for name in ("v1", tagged, tagged[:9], "in the id"):
        folder = Path(said[name]["value"])
        assert folder.name == tagged
        assert contents(folder) == first


def test_what_we_push_is_downloaded_by_the_hf_tool(
    hub: LoopbackHub, client: Client, releases: list[Path], tmp_path: Path
) -> None:
    (releases[0] / "last.ckpt").write_bytes(b"pickle")
    (releases[0] / "events.log").write_text("/home/alice")
    try:
        said = client.python(
            "attempt('push', hub.push, sys.argv[1], 'lab/poisson', tag='v1', message='First')\n"
            "attempt('again', hub.push, sys.argv[1], 'lab/poisson', tag='v2')\n"
            "attempt('same tag', hub.push, sys.argv[1], 'lab/poisson', tag='v1')\n"
            "attempt('branch', hub.push, sys.argv[2], 'lab/poisson', revision='trial')\n"
            "for one in hub.models('fno', author='lab'): tell(name='listed', **vars(one))\n"
            "tell(name='others', value=len(hub.models('gnn')))",
            *releases,
        )
    finally:
        (releases[0] / "last.ckpt").unlink()
        (releases[0] / "events.log").unlink()
    repo = hub.store.repos["lab/poisson"]
    assert said["push"]["value"] == f"{hub.url}/lab/poisson/commit/{repo.tags['v1']}"
    assert repo.tags["v2"] == repo.tags["v1"]
    assert "marks commit" in said["same tag"]["cause"]
    assert [c.title for c in repo.history("main")] == ["First", "first commit"]
    assert repo.branches["trial"] != repo.branches["main"]
    assert said["listed"]["repo"] == "lab/poisson"
    assert said["listed"]["commit"] == repo.branches["main"]
    assert said["others"]["value"] == 0
    client.hf("download", "lab/poisson", "--revision", "v1", "--local-dir", tmp_path / "got")
    got = {p.name: p.read_bytes() for p in (tmp_path / "got").iterdir() if p.is_file()}
    del got[".gitattributes"]
    assert got == contents(releases[0])


def test_a_pulled_model_predicts_what_the_pushed_one_does(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    said = client.python(
        "import torch, zoo\n"
        "torch.set_num_threads(1)\n"
        "near, far = zoo.from_pretrained(sys.argv[1]), zoo.from_pretrained('lab/poisson')\n"
        "x = near.example(torch.Generator().manual_seed(1))\n"
        "tell(name='same', value=bool(torch.equal(near(**x), far(**x))))",
        releases[0],
    )
    assert said["same"]["value"] is True


def test_a_cold_load_reads_config_once_and_a_warm_one_asks_once_or_not_at_all(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    commit = publish(hub, "lab/poisson", releases[0], extra__bin=b"\0" * 100)
    marks: list[int] = []
    hub.fault(f"tree/{commit}", before=lambda: marks.append(len(hub.requests)))
    client.python(
        "hub.pull('lab/poisson'); hub.pull('lab/poisson'); hub.pull('lab/poisson', sys.argv[1])",
        commit,
    )
    lines = [(one.method, one.path) for one in hub.requests]
    config = f"/lab/poisson/resolve/{commit}/config.json"
    assert lines.count(("GET", config)) == lines.count(("HEAD", config)) == 1
    assert hub.store.repos["lab/poisson"].downloads == 1
    asked = [line for line in lines if line[1].startswith("/api/models/lab/poisson")]
    assert [path.split("/")[5] for _, path in asked] == ["revision", "tree", "revision"]
    assert len(marks) == 1
    assert not [path for _, path in lines if "extra.bin" in path]
    assert all("physics-zoo/" in one.agent for one in hub.requests if one.port == "api")


def test_private_and_gated_repositories_answer_by_who_asks(
    hub: LoopbackHub, client: Client, releases: list[Path], tmp_path: Path
) -> None:
    said = client.python(
        "attempt('push', hub.push, sys.argv[1], 'lab/secret', private=True)\n"
        "attempt('pull', hub.pull, 'lab/secret')\n"
        "attempt('publish', hub.push, sys.argv[1], 'lab/open')\n"
        "attempt('hide', hub.push, sys.argv[1], 'lab/open', private=True)",
        releases[0],
    )
    assert hub.store.repos["lab/secret"].private
    assert Path(said["pull"]["value"]).is_dir()
    assert "public" in said["hide"]["cause"]
    publish(hub, "lab/gated", releases[0])
    hub.store.repos["lab/gated"].gated = "manual"
    script = "for name in ('lab/secret', 'lab/gated', 'lab/none'): attempt(name, hub.pull, name)"
    nobody = Client(hub, tmp_path / "nobody", None).python(script)
    bob = Client(hub, tmp_path / "bob", "bob").python(script)
    assert "no token was sent (401)" in nobody["lab/secret"]["cause"]
    assert nobody["lab/none"]["cause"] == nobody["lab/secret"]["cause"]
    assert "may not see it (404)" in bob["lab/secret"]["cause"]
    assert bob["lab/none"]["cause"] == bob["lab/secret"]["cause"]
    assert "gated, and no token was sent (401)" in nobody["lab/gated"]["cause"]
    assert "was not let in (403)" in bob["lab/gated"]["cause"]
    assert f"{hub.url}/lab/gated" in bob["lab/gated"]["remedy"]
    hub.store.repos["lab/gated"].granted.add("bob")
    again = Client(hub, tmp_path / "bob", "bob").python(script)
    assert Path(again["lab/gated"]["value"]).is_dir()


def test_a_push_that_somebody_overtakes_changes_nothing(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    theirs: list[str] = []
    hub.fault(
        "POST .*/preupload/",
        times=1,
        before=lambda: theirs.append(publish(hub, "lab/poisson", releases[0], notes__md=b"hi")),
    )
    said = client.python("attempt('push', hub.push, sys.argv[1], 'lab/poisson')", releases[1])
    assert "412" in said["push"]["cause"]
    assert hub.store.repos["lab/poisson"].branches["main"] == theirs[0]


def test_an_unsound_folder_is_not_pushed(
    hub: LoopbackHub, client: Client, releases: list[Path], tmp_path: Path
) -> None:
    for name, data in contents(releases[0]).items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "model.safetensors").write_bytes(contents(releases[1])["model.safetensors"])
    said = client.python(
        "attempt('other weights', hub.push, sys.argv[1], 'lab/x')\n"
        "attempt('no release', hub.push, sys.argv[1] + '/hub', 'lab/x')\n"
        "attempt('revision', hub.push, sys.argv[2], 'lab/x@v1')",
        tmp_path,
        releases[0],
    )
    assert said["other weights"]["file"] == "model.safetensors"
    assert said["no release"]["file"] == "config.json"
    assert "tag=" in said["revision"]["remedy"]
    assert hub.requests == []


def test_files_that_a_new_release_lacks_go_and_foreign_ones_stay(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0], preview__png=b"\x89PNG\0", notes__md=b"hi")
    client.python("hub.push(sys.argv[1], 'lab/poisson')", releases[1])
    tree = hub.store.repos["lab/poisson"].at("main").tree
    assert set(tree) == {".gitattributes", "notes.md", *contents(releases[1])}
