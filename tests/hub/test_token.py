"""A token goes to its own Hub, and nowhere else: no other host, no disk, no screen."""

from pathlib import Path

from tests.hub.clients import TOKENS, Client, publish
from zoo.hub import HubError
from zoo.hubline import Line
from zoo.hubserver import LoopbackHub


def test_the_token_stays_with_the_api_and_is_neither_written_nor_printed(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    hub.fault("/lab/bad/", status=401)
    said = client.python(
        "import traceback\n"
        "attempt('push', hub.push, sys.argv[1], 'lab/secret', private=True)\n"
        "attempt('pull', hub.pull, 'lab/secret')\n"
        "attempt('given', hub.pull, 'lab/secret', token=os.environ['HF_TOKEN'])\n"
        "try: hub.pull('lab/bad')\n"
        "except hub.HubError as error: traceback.print_exc(); print(repr(error))",
        releases[0],
        HF_DEBUG="1",
    )
    assert {one.port for one in hub.requests if one.token} == {"api"}
    assert {one.token for one in hub.requests if one.port == "content"} == {False}
    assert Path(said["pull"]["value"]).is_dir()
    assert "HubError" in said.text
    secret = TOKENS["alice"]
    assert secret not in said.text
    assert secret not in repr(hub.requests)
    places = [client.home, hub.store.root]
    written = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if secret.encode() in path.read_bytes()]


def test_a_hub_that_sends_its_users_elsewhere_does_not_get_the_token_there(
    hub: LoopbackHub, client: Client, releases: list[Path], tmp_path: Path
) -> None:
    publish(hub, "lab/poisson", releases[0])
    with LoopbackHub(tmp_path / "thief") as thief:
        hub._api.url, hub._api.page = thief.url, 2  # next pages and upload checks lie elsewhere
        client.python(
            "attempt('pull', hub.pull, 'lab/poisson')\n"
            "attempt('push', hub.push, sys.argv[1], 'lab/other')",
            releases[1],
        )
        asked = {one.path.split("/")[-1].split(".")[0] for one in thief.requests}
        assert len(asked) == 2, asked
        assert not [one for one in thief.requests if one.token]


def test_a_stored_token_is_not_sent_to_an_endpoint_that_was_only_an_argument(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    publish(hub, "lab/poisson", releases[0])
    hub.store.repos["lab/poisson"].private = True
    said = client.python(
        "attempt('implicit', hub.pull, 'lab/poisson', endpoint=sys.argv[1])\n"
        "attempt('explicit', hub.pull, 'lab/poisson', endpoint=sys.argv[1], token=sys.argv[2])",
        hub.url,
        TOKENS["alice"],
        HF_ENDPOINT="http://127.0.0.1:9",
    )
    assert "pass token=" in said["implicit"]["remedy"]
    assert "no token was sent" in said["implicit"]["cause"]
    assert not hub.requests[0].token
    assert Path(said["explicit"]["value"]).is_dir()


def test_an_error_that_repeats_the_token_is_cleaned() -> None:
    line = Line("a/b", None, "http://127.0.0.1:9", "hf_secret")
    error = line.error(None, "the server said hf_secret", "stop")
    assert isinstance(error, HubError)
    assert "hf_secret" not in f"{error} {error!r}"
    assert "<token>" in error.cause
