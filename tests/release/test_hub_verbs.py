"""Through the package's own verbs, to a Hub on loopback and back, by a client process."""

import pytest

import zoo
from tests.hub.clients import TOKENS, Client
from zoo.hubserver import LoopbackHub
from zoo.models.parts.homogeneous import Homogeneous

pytestmark = [
    pytest.mark.hub,
    pytest.mark.parametrize("normaliser", [Homogeneous], indirect=True),
]

THERE_AND_BACK = """
import torch, zoo
torch.set_num_threads(1)
one, two, cache = sys.argv[1:]
address = zoo.push_to_hub(one, "alice/two", tag="v1")
zoo.push_to_hub(two, "alice/two")
near = [zoo.from_pretrained(folder) for folder in (one, two)]
far = [
    zoo.from_pretrained("alice/two@v1", cache_dir=cache),
    zoo.from_pretrained("alice/two", cache_dir=cache),
    zoo.from_pretrained("alice/two", revision=address.rpartition("/")[2], cache_dir=cache),
]
given = near[0].example(torch.Generator().manual_seed(1))
with torch.no_grad():
    a, b = (model(**given) for model in near)
    tell(name="same", value=[torch.equal(m(**given), y) for m, y in zip(far, (a, b, a))])
    tell(name="apart", value=not torch.equal(a, b))
    turned = zoo.from_pretrained("alice/two@v1", inputs=["g", "f"], cache_dir=cache)
    same = torch.allclose(turned(given["u"].flip(2), given["p"]), a, atol=1e-6)
    tell(name="turned", value=same, adapted=turned.load_report.adapted)
"""

DAMAGED = """
import zoo
from zoo.release import ReleaseError
try:
    zoo.push_to_hub(sys.argv[1], "alice/two")
except ReleaseError as error:
    tell(name="refused", value=str(error))
"""


@pytest.fixture
def client(tmp_path):
    with LoopbackHub(tmp_path / "hub") as hub:
        hub.add_user("alice", TOKENS["alice"])
        yield Client(hub, tmp_path / "home")


def test_what_was_pushed_comes_back_and_adapts_by_name(model, folder, client, tmp_path):
    model.output.bias.data += 1.0
    second = zoo.save_pretrained(model, tmp_path / "second")
    said = client.python(THERE_AND_BACK, folder, second, tmp_path / "pulled")
    assert said["same"]["value"] == [True, True, True]
    assert said["apart"]["value"] is True
    assert said["turned"]["value"] is True and "lift.weight" in said["turned"]["adapted"]


def test_a_damaged_release_is_not_pushed(folder, client):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    said = client.python(DAMAGED, folder)
    assert "changed or damaged" in said["refused"]["value"]
    assert not client.hub.store.repos
