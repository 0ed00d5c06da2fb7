"""The Hub itself, as the client and a user at the keyboard see it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub.clients import TOKENS, Client, contents
from zoo.hubserver import LoopbackHub, serve

SERVE = "import sys, pathlib; from zoo.hubserver import serve; serve(pathlib.Path(sys.argv[1]), 0)"


def test_a_hub_from_the_command_line_keeps_what_was_pushed(
    client: Client, releases: list[Path], tmp_path: Path
) -> None:
    for script in (
        "attempt('push', hub.push, sys.argv[1], 'me/first', tag='v1')",
        "attempt('pull', hub.pull, 'me/first@v1')",
    ):
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(tmp_path / "kept")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=client.environment(),
        )
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        words = lines[1].removeprefix("  export ").split()
        pasted = dict(word.split("=", 1) for word in words)
        said = client.python(script, releases[0], **pasted)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
        assert (process.returncode, error) == (0, "stopped\n")
    assert contents(Path(said["pull"]["value"])) == contents(releases[0])


def test_a_taken_port_is_an_error_that_names_it(hub: LoopbackHub, tmp_path: Path) -> None:
    port = int(hub.url.rsplit(":")[-1])
    with pytest.raises(OSError, match=f"port={port} is in use"):
        serve(tmp_path / "second", port)


def test_pages_and_uploads_in_parts(releases: list[Path], tmp_path: Path) -> None:
    with LoopbackHub(tmp_path / "hub", part_bytes=5000, page=2) as hub:
        hub.add_user("alice", TOKENS["alice"], orgs=["lab"])
        client = Client(hub, tmp_path / "home")
        said = client.python(
            "attempt('a', hub.push, sys.argv[1], 'lab/a')\n"
            "attempt('b', hub.push, sys.argv[1], 'lab/b')\n"
            "attempt('c', hub.push, sys.argv[1], 'lab/c')\n"
            "tell(name='listed', value=sorted(one.repo for one in hub.models()))\n"
            "attempt('pull', hub.pull, 'lab/a')",
            releases[0],
        )
        parts = [one for one in hub.requests if one.path.startswith("/part/")]
        assert len(parts) == 5  # of 20936 bytes; the contents of b and c are known already
        assert said["listed"]["value"] == ["lab/a", "lab/b", "lab/c"]
        assert contents(Path(said["pull"]["value"])) == contents(releases[0])


def test_the_client_of_the_hub_finds_every_route_it_asks_for(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    said = client.python(
        "from huggingface_hub import HfApi, ModelCard\n"
        "api = HfApi()\n"
        "api.create_repo('lab/x'); api.create_repo('lab/x', exist_ok=True)\n"
        "api.upload_folder(repo_id='lab/x', folder_path=sys.argv[1], path_in_repo='sub/one')\n"
        "api.upload_file(repo_id='lab/x', path_in_repo='empty', path_or_fileobj=b'')\n"
        "ModelCard('---\\nlicense: mit\\n---\\n# x').push_to_hub('lab/x')\n"
        "api.create_branch('lab/x', branch='dev/one'); api.create_tag('lab/x', tag='v1')\n"
        "refs = api.list_repo_refs('lab/x')\n"
        "tell(name='refs', value=[r.name for r in refs.branches + refs.tags])\n"
        "info = api.model_info('lab/x', files_metadata=True)\n"
        "tell(name='info', value=[info.card_data.license, len(info.siblings), info.private])\n"
        "tree = api.list_repo_tree('lab/x', 'sub')\n"
        "tell(name='tree', value=[node.path for node in tree])\n"
        "paths = api.get_paths_info('lab/x', ['README.md', 'none'])\n"
        "tell(name='paths', value=[node.path for node in paths])\n"
        "api.snapshot_download('lab/x')\n"
        "tell(name='checksums', value=len(api.verify_repo_checksums('lab/x').mismatches))\n"
        "api.update_repo_settings('lab/x', private=True, gated='auto'); api.auth_check('lab/x')\n"
        "api.delete_folder('sub', repo_id='lab/x'); api.delete_file('empty', repo_id='lab/x')\n"
        "tell(name='left', value=api.list_repo_files('lab/x'))\n"
        "tell(name='commits', value=len(api.list_repo_commits('lab/x')))\n"
        "api.delete_tag('lab/x', tag='v1'); api.delete_branch('lab/x', branch='dev/one')\n"
        "tell(name='who', value=api.whoami()['name'])\n"
        "api.delete_repo('lab/x'); tell(name='gone', value=api.repo_exists('lab/x'))",
        releases[0],
        HF_HUB_DISABLE_XET="1",
    )
    assert said.code == 0, said.text
    assert said["refs"]["value"] == ["main", "dev/one", "v1"]
    assert said["info"]["value"] == ["mit", len(contents(releases[0])) + 3, False]
    assert said["tree"]["value"] == ["sub/one"]
    assert said["paths"]["value"] == ["README.md"]
    assert said["checksums"]["value"] == 0
    assert said["left"]["value"] == [".gitattributes", "README.md"]
    assert said["commits"]["value"] == 6
    assert said["who"]["value"] == "alice"
    assert said["gone"]["value"] is False
    assert [one.path for one in hub.requests if one.status >= 400] == [
        "/api/repos/create",
        "/api/models/lab/x",
    ]


def test_zoo_hub_costs_no_import_of_the_client(client: Client) -> None:
    said = client.python(
        "tell(name='loaded', value=[m for m in ('torch', 'huggingface_hub') if m in sys.modules])"
    )
    assert said["loaded"]["value"] == []
    assert os.environ.get("HF_TOKEN") is None
