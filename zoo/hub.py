"""Releases on the Hugging Face Hub: pull, push, list.

A pull resolves the revision once and takes every file from that one commit; weights are compared
with the sha256 in config.json when they enter the cache, and whenever the file has changed since.
Whatever goes wrong is a `HubError`.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.hubcard import merge_card
from zoo.hubline import HubError, Line, library, say, without_xet
from zoo.shelf import ReleaseError, checked, sha256

__all__ = ["FILES", "HubError", "Remote", "merge_card", "models", "parse", "pull", "push"]

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
FILES = (
    *(CONFIG, WEIGHTS, "probe.safetensors", "metrics.json", "recipe.yaml", "preview.png"),
    *(CARD, "LICENSE"),
)
"""What a release consists of. Nothing else is ever sent or fetched: no checkpoints, no logs."""
_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9_])?"


@dataclass(frozen=True)
class Remote:
    """One line of a listing of the Hub."""

    repo: str
    commit: str
    updated: str
    downloads: int
    tags: tuple[str, ...]


def parse(text: str, revision: str | None = None) -> tuple[str, str | None]:
    """Owner/name and revision of `owner/name[@revision]`.

    Raises:
        HubError: it is not of that form, or names two revisions.
    """
    repo, at, named = text.partition("@")
    form = "write owner/name or owner/name@revision"
    if not re.fullmatch(f"{_NAME}/{_NAME}", repo) or re.search(r"\.\.|--|\.git$", repo):
        raise HubError(text, revision, None, f"{repo!r} is no owner/name", form)
    if at and (not named or re.search(r"\s|\.\.|^-", named)):
        raise HubError(repo, named, None, f"{named!r} is no branch, tag or commit", form)
    if named and revision and named != revision:
        cause = f"{text!r} names {named!r}, and revision={revision!r} is given"
        raise HubError(repo, revision, None, cause, "give one of them")
    return repo, revision or named or None


def pull(
    repo_id: str,
    revision: str | None = None,
    *,
    cache_dir: str | Path | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    files: Iterable[str] | None = None,
) -> Path:
    """The folder of a release from the Hub, all of one commit: its name is the commit.

    A commit that is cached costs no request, a cached branch or tag one. When the Hub does not
    answer, or HF_HUB_OFFLINE is set, the cached commit is used, and the user is told.

    Args:
        repo_id: `owner/name[@revision]`.
        revision: branch, tag or commit; `main` when none is given.
        cache_dir: instead of the client's own cache.
        endpoint: another Hub than HF_ENDPOINT or the public one.
        token: for private and gated repositories; else HF_TOKEN or the stored one.
        files: these files only, without looking at the weights.

    Raises:
        HubError: it could not be had, or it is damaged; a damaged file is not kept.
    """
    from huggingface_hub import constants, snapshot_download

    repo, revision = parse(repo_id, revision)
    wanted = list(FILES if files is None else files)
    with Line(repo, revision, endpoint, token) as line:
        found = line.call(
            snapshot_download,
            repo,
            revision=revision,
            cache_dir=cache_dir,
            allow_patterns=wanted,
            **line.access,
        )
    folder = Path(found)
    if not line.fresh and revision != folder.name and not constants.is_offline_mode():
        answer = f"answered {line.refused}" if line.refused else "gave no answer"
        say(f"{line.endpoint} {answer}; {repo}@{revision or 'main'} is the cached commit")
    needed = (CONFIG, WEIGHTS) if files is None else wanted
    for name in needed:
        if not (folder / name).is_file():
            cause = "the repository has no such file at this revision"
            raise line.error(name, cause, "it is no whole release of this zoo: ask its owner")
    _inspect(line, folder, wanted)
    return folder


def _inspect(line: Line, folder: Path, wanted: list[str]) -> None:
    """Refuse, and drop from the cache, what differs from its announced hash."""
    for name in wanted:
        path = folder / name
        if path.is_file() and (digest := _announced(path)) and not _has(path, digest):
            _drop(path)
            cause = "its bytes differ from the hash that the Hub announced, and it was not kept"
            raise line.error(
                name, cause, "pull again; if it stays, the server or proxy is at fault"
            )
    if WEIGHTS not in wanted or CONFIG not in wanted:
        return
    try:
        digest = json.loads((folder / CONFIG).read_text("utf-8"))["sha256"]
    except (ValueError, KeyError, TypeError):
        cause = "it does not say the sha256 of the weights"
        raise line.error(CONFIG, cause, "it is no release of this zoo: ask its owner") from None
    try:
        checked(folder / WEIGHTS, str(digest))
    except ReleaseError as error:
        _drop(folder / WEIGHTS)
        cause = f"its sha256 is not the one in config.json, and it was not kept ({error})"
        raise line.error(WEIGHTS, cause, "pull again; if it stays, tell the owner") from None


def _announced(path: Path) -> str | None:
    """The hash under which the client's cache keeps a file: what the Hub said that it has."""
    name = path.readlink().name if path.is_symlink() else ""
    return name if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name) else None


def _has(path: Path, digest: str) -> bool:
    """Whether a file has this hash: git's for a small file, sha256 for a large one."""
    if len(digest) == 40:
        data = path.read_bytes()
        head = b"blob %d\0" % len(data)
        return hashlib.sha1(head + data, usedforsecurity=False).hexdigest() == digest
    try:
        checked(path, digest)
    except ReleaseError:
        return False
    return True


def _drop(path: Path) -> None:
    """Remove a file of the client's cache, name and content."""
    if path.is_symlink():
        (path.parent / path.readlink()).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def push(
    folder: str | Path,
    repo_id: str,
    *,
    revision: str | None = None,
    tag: str | None = None,
    private: bool = False,
    message: str | None = None,
    endpoint: str | None = None,
    token: str | None = None,
) -> str:
    """Send a release to the Hub as one commit; returns the commit's address.

    The repository is made if there is none. Only the files of a release go, whatever else lies in
    the folder; what people wrote on the card there stays. A commit that somebody else makes in the
    meantime is not overwritten.

    Args:
        folder: a released folder.
        repo_id: `owner/name`.
        revision: a branch other than `main`; it is made if there is none.
        tag: a new name for the commit.
        private: make the repository private; an existing public one is refused.
        message: the commit's title.
        endpoint: as in `pull`.
        token: as in `pull`.

    Raises:
        HubError: the folder is no sound release, or the Hub refused.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    repo, branch = parse(repo_id, revision)
    folder = Path(folder)
    with Line(repo, branch, endpoint, token) as line, without_xet():
        _sound(line, folder)
        if "@" in repo_id:
            raise line.error(None, "a push has no @revision", "give tag= or revision= (a branch)")
        api = HfApi(**line.access)
        head, present = _prepare(line, api, branch, tag, private)
        local = [name for name in FILES if (folder / name).is_file()]
        sources: dict[str, Any] = {name: str(folder / name) for name in local}
        if CARD in present:
            new = (folder / CARD).read_text("utf-8") if CARD in local else ""
            sources[CARD] = _card(line, api, head, new).encode()
        steps: list[Any] = [CommitOperationAdd(name, source) for name, source in sources.items()]
        steps += _gone(present, sources)
        made = line.call(
            api.create_commit,
            repo,
            steps,
            commit_message=message or f"Release {folder.resolve().name}",
            revision=branch,
            parent_commit=head,
        )
        if tag is not None:
            line.call(api.create_tag, repo, tag=tag, revision=made.oid)
    return str(made.commit_url)


def _sound(line: Line, folder: Path) -> None:
    """Refuse a folder that is no release, or whose weights are not those of its config."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            cause = f"{folder} does not hold it"
            raise line.error(name, cause, "give a released folder (zoo.save_pretrained makes one)")
    try:
        told = json.loads((folder / CONFIG).read_text("utf-8"))["sha256"]
    except (ValueError, KeyError, TypeError):
        cause = "it does not say the sha256 of the weights"
        raise line.error(CONFIG, cause, "save the release again") from None
    if (found := sha256(folder / WEIGHTS)) != told:
        cause = f"its sha256 is {found[:16]}..., config.json says {str(told)[:16]}..."
        raise line.error(WEIGHTS, cause, "save the release again")


def _prepare(
    line: Line, api: Any, branch: str | None, tag: str | None, private: bool
) -> tuple[str, set[str]]:
    """Make what is missing there; the branch's commit and its file names."""
    repo = line.repo
    # without `private` an organisation's default holds
    line.call(api.create_repo, repo, private=True if private else None, exist_ok=True)
    refs = line.call(api.list_repo_refs, repo)
    if taken := [ref for ref in refs.tags if ref.name == tag]:
        cause = f"the tag {tag!r} marks commit {taken[0].target_commit[:12]} already"
        raise line.error(None, cause, "give another tag: a tag that was published is not moved")
    if branch not in (None, *(ref.name for ref in refs.branches)):
        line.call(api.create_branch, repo, branch=branch)
    info = line.call(api.model_info, repo, revision=branch)
    if private and not info.private:
        cause = "the repository is public, and private=True was asked"
        raise line.error(None, cause, "make it private in its settings first, or push without")
    return info.sha, {file.rfilename for file in info.siblings or ()}


def _card(line: Line, api: Any, head: str, new: str) -> str:
    """Our card, with what people wrote on the one that is there."""
    with tempfile.TemporaryDirectory() as folder:
        path = line.call(api.hf_hub_download, line.repo, CARD, revision=head, cache_dir=folder)
        old = Path(path).read_text("utf-8")
    try:
        return merge_card(old, new)
    except ValueError as error:
        raise line.error(CARD, str(error), "correct the card on the Hub, then push again") from None


def _gone(present: set[str], sources: dict[str, Any]) -> list[Any]:
    """Files of an earlier release that this one does not have; a commit is one release."""
    from huggingface_hub import CommitOperationDelete

    kept = {CARD, "LICENSE", *sources}
    return [CommitOperationDelete(name) for name in FILES if name in present and name not in kept]


def models(
    *tags: str,
    author: str | None = None,
    search: str | None = None,
    limit: int = 100,
    endpoint: str | None = None,
    token: str | None = None,
) -> list[Remote]:
    """Releases of this zoo on the Hub, newest first.

    Args:
        tags: all of them must be on the card, besides the library's name.
        author: user or organisation.
        search: part of the name.
        limit: at most so many.
        endpoint: as in `pull`.
        token: as in `pull`.

    Raises:
        HubError: the Hub did not answer.
    """
    from huggingface_hub import HfApi

    with Line(f"{author or '*'}/*{search or ''}*", None, endpoint, token) as line:
        wanted = [library()["library_name"], *tags]
        options = {"author": author, "search": search, "sort": "last_modified", "limit": limit}
        api = HfApi(**line.access)
        found = line.call(lambda: list(api.list_models(filter=wanted, **options)))
    return [
        Remote(m.id, m.sha or "", str(m.last_modified or ""), m.downloads or 0, tuple(m.tags or ()))
        for m in found
    ]
