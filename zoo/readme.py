"""The generated parts of README.md: what is in the zoo, and what the quick start gave."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo import manifest, shelf
from zoo.card_tables import best_trivial, table

EXPECTED = Path("recipes") / "quickstart" / "expected.md"


def readme(text: str) -> str:
    """README.md with its generated blocks as the shipped files say today."""
    text = _block(text, "models", models())
    expected = shelf.root() / EXPECTED
    return _block(text, "quickstart", expected.read_text().strip() if expected.is_file() else "")


def models() -> str:
    """One row for every shipped release: name, equations, size, test error, trivial error."""
    rows = []
    for name, folder in shelf.checkpoints().items():
        config, entries = manifest.describe(folder), manifest.figures(folder)
        headline = next((e for e in entries if e["name"] == "test/relative_l2"), None)
        rows.append(
            [
                f"[{name}](checkpoints/{name}/README.md)",
                config["about"]["architecture"],
                ", ".join(config["about"]["equations"]).replace("_", "-"),
                f"{manifest.parameters(folder):,}",
                f"{headline['value']:.4f}" if headline else "",
                _trivial(headline) if headline else "",
            ]
        )
    head = ["name", "model", "equations", "numbers", "test error", "best trivial predictor"]
    return table(head, rows) + "\n\nError: mean relative L2 on unseen samples, mean over equations."


def _trivial(headline: Mapping[str, Any]) -> str:
    name = best_trivial(headline)
    return f"{headline['trivial']:.4f}" + (f" ({name})" if name else "")


def _block(text: str, name: str, content: str) -> str:
    pattern = rf"(<!-- zoo:{name} -->\n).*?(<!-- zoo:{name} end -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{content}\n{m[2]}", text, flags=re.DOTALL)
