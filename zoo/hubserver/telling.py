"""What the API tells of a repository: nodes of its tree, its description, its card's head."""

import hashlib
import re
from typing import Any

from zoo.hubserver.store import Commit, Entry, Repo, Store, pointer


def node(path: str, entry: Entry) -> dict[str, Any]:
    """A file of a tree."""
    told: dict[str, Any] = {"type": "file", "path": path, "size": entry.size, "oid": entry.oid}
    if entry.large:
        size = len(pointer(entry.sha256, entry.size))
        told["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": size}
    return told


def folder(commit: Commit, path: str) -> dict[str, Any]:
    """A folder of a tree."""
    inside = sorted(f"{n} {e.oid}" for n, e in commit.tree.items() if n.startswith(path + "/"))
    oid = hashlib.sha1("\n".join(inside).encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "path": path, "size": 0, "oid": oid}


def describe(store: Store, repo: Repo, commit: Commit, blobs: bool) -> dict[str, Any]:
    """A repository at a commit, as the client's `ModelInfo` reads it."""
    siblings: list[dict[str, Any]] = []
    for path, entry in sorted(commit.tree.items()):
        told: dict[str, Any] = {"rfilename": path}
        if blobs:
            told |= {"size": entry.size, "blobId": entry.oid}
            if entry.large:
                told["lfs"] = {**node(path, entry)["lfs"], "sha256": entry.sha256}
        siblings.append(told)
    card: dict[str, Any] = {}
    if "README.md" in commit.tree:
        try:
            card = front_matter(store.blob(commit.tree["README.md"].sha256).read_text("utf-8"))
        except ValueError:
            card = {}  # committed past validation: the real Hub shows such a repository bare
    tags = card.get("tags", [])
    named = [card[k] for k in ("library_name", "pipeline_tag") if k in card]
    marked = [f"{k}:{card[k]}" for k in ("license", "base_model") if k in card]
    return {
        "_id": repo.id,
        "id": repo.id,
        "modelId": repo.id,
        "author": repo.id.split("/")[0],
        "sha": commit.oid,
        "lastModified": commit.date,
        "createdAt": repo.created,
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": repo.downloads,
        "likes": 0,
        "library_name": card.get("library_name"),
        "pipeline_tag": card.get("pipeline_tag"),
        "tags": sorted({*named, *marked, *(tags if isinstance(tags, list) else [tags])}),
        "cardData": card,
        "siblings": siblings,
    }


def front_matter(text: str) -> dict[str, Any]:
    """The plain keys and lists of a card's head; nested blocks are passed over.

    Raises:
        ValueError: the head is not closed, or a line of it is neither key nor item.
    """
    match = re.match(r"---\s*\n(.*?)(?:^|\n)---\s*(?:\n|$)", text, re.S)
    if match is None:
        if text.startswith("---"):
            raise ValueError("the front matter is not closed by a line ---")
        return {}
    found: dict[str, Any] = {}
    key = ""
    for line in match[1].splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if item := re.fullmatch(r"\s*- ((?:[^:]|:(?! ))+?)\s*", line):
            if isinstance(found.get(key), list):
                found[key].append(item[1].strip("'\""))
        elif pair := re.fullmatch(r"([\w-]+):(?:\s+(.*?))?\s*", line):
            key, value = pair[1], pair[2] or ""
            if value.startswith("[") and value.endswith("]"):
                found[key] = [v.strip(" '\"") for v in value[1:-1].split(",") if v.strip()]
            else:
                found[key] = value.strip("'\"") if value else []
        elif not line.startswith((" ", "- ")):
            raise ValueError(f"front matter: cannot read the line {line!r}")
    return found
