import pytest

from tests.cli.conftest import cache, data, here, net, recipe, write, zoo

__all__ = ["cache", "here", "zoo"]


def few(low=5.0, high=10.0):
    content = recipe(epochs=1, data=data(low, high))
    del content["model"]["net"]
    return content


@pytest.fixture
def chain(here):
    """Pretrain, measure without examples, fine-tune and train from scratch with a small sweep."""
    write(here / "pretrain.yaml", recipe())
    write(here / "few.yaml", few())
    write(here / "net.yaml", {"model": {"net": net()}})
    sweep = {"data.init_args.limit": [4, 8], "model.optimizer.init_args.lr": [1e-2, 1e-4]}
    select = {"over": ["model.optimizer.init_args.lr"], "by": "validation/relative_l2"}
    uses = {"model.init_from": "pretrain"}
    stages = {
        "pretrain": {"recipe": "pretrain.yaml", "test": True},
        "zero": {"recipe": "few.yaml", "command": "test", "uses": uses},
        "tuned": {"recipe": "few.yaml", "uses": uses, "matrix": sweep, "select": select},
        "scratch": {"recipe": ["net.yaml", "few.yaml"], "matrix": sweep, "select": select},
    }
    arguments = {"tuned": "tuned", "scratch": "scratch", "examples": "data.init_args.limit"}
    arguments |= {"zero": "zero", "pretrained": "pretrain"}
    report = {"class_path": "zoo.report.FewShot", "init_args": arguments}
    return write(here / "chain.yaml", {"stages": stages, "report": report})
