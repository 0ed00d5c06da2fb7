"""What the documents tell a user to paste works as it stands."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from zoo import shelf
from zoo.readme import readme

ROOT = shelf.root()


def fenced(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_python_of_the_readme_runs_and_makes_its_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict = {}
    for text in fenced("python"):
        exec(compile(text, "README.md", "exec"), names)
    assert (tmp_path / "prediction.png").read_bytes()[:4] == b"\x89PNG"
    u = names["u"]
    assert u.shape == (64, 64) and abs(u).max() > 0.01
    # the README's source and coefficients, solved exactly
    import torch

    from zoo.pde.box import Box
    from zoo.pde.poisson import Poisson

    p = torch.tensor([[0.03, 0.01, 0.005]], dtype=torch.float64)
    f = torch.as_tensor(names["f"])[None]
    truth = Poisson().solve(Box((1.0, 1.0), (64, 64)), f - f.mean(), p)[0].numpy()
    assert ((u - truth) ** 2).sum() < 0.15**2 * (truth**2).sum()


def test_every_command_of_the_readme_is_one_that_zoo_has():
    from zoo.cli import main

    told = {w for text in fenced("bash") for w in re.findall(r"(?:^|&& |-m )zoo (\w+)", text, re.M)}
    assert {"run", "adapt", "fit", "predict", "push", "pull", "verify"} <= told
    for command in sorted(told):
        with pytest.raises(SystemExit) as ended:
            raise SystemExit(main([command, "--help"]))
        assert ended.value.code in (0, None), command


def test_the_readmes_tables_are_what_the_shipped_files_say():
    text = (ROOT / "README.md").read_text()
    assert readme(text) == text
    assert all(name in text for name in shelf.checkpoints())
    assert "| 8 |" in text


def test_every_file_that_the_readme_names_is_there():
    text = (ROOT / "README.md").read_text()
    for name in re.findall(r"(?:recipes|zoo|tests)/[\w./*-]+", text):
        assert list(ROOT.glob(name.rstrip("/."))), name


def test_the_readme_has_two_commands_of_one_line_each_and_ci_runs_the_second():
    first, second = fenced("bash")[:2]
    assert len(first.splitlines()) == len(second.splitlines()) == 1
    assert "zoo run recipes/quickstart/chain.yaml" in first and "pytest" in second
    assert "and **run the tests**" in (ROOT / ".ci" / "run").read_text().replace("\\", "")


@pytest.mark.parametrize(
    "path", sorted(Path(ROOT).glob("recipes/**/*.ipynb")), ids=lambda p: p.name
)
def test_a_notebook_runs_from_its_first_cell_to_its_last(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    printed = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    assert "relative L2 error" in printed and "nan" not in printed
