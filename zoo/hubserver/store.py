"""Repositories of the loopback Hub: blobs by sha256, commits, branches, tags and who may do what.

Layout under the root: `blobs/ab/abcd...` holds contents, `repos/owner--name.json` one repository
each. Users and their tokens live in memory only.
"""

import hashlib
import io
import json
import os
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

COMMIT = re.compile(r"[0-9a-f]{40}")
LARGE_SUFFIXES = (".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".h5", ".npy", ".npz", ".gz")
ATTRIBUTES = "".join(f"*{s} filter=lfs diff=lfs merge=lfs -text\n" for s in LARGE_SUFFIXES)


class Refusal(Exception):
    """An answer that is not a success: status, reason and the Hub's error code if it has one."""

    def __init__(self, status: int, message: str, code: str | None = None, **extra: Any):
        super().__init__(message)
        self.status, self.message, self.code, self.extra = status, message, code, extra


@runtime_checkable
class Readable(Protocol):
    """What bytes are read from, a piece at a time."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


def now() -> str:
    """The present, as the Hub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def git_blob(data: bytes) -> str:
    """The name that git gives a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """The small text that git keeps in place of a large file."""
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    ).encode()


@dataclass(frozen=True)
class User:
    """Someone with a token."""

    name: str
    orgs: tuple[str, ...] = ()
    role: str = "write"

    def owns(self, namespace: str) -> bool:
        """Whether the namespace is the user's own or that of an organisation of hers."""
        return namespace == self.name or namespace in self.orgs


@dataclass(frozen=True)
class Entry:
    """One file of a commit; `oid` is git's name of the file, or of its pointer when large."""

    sha256: str
    size: int
    oid: str
    large: bool

    @property
    def etag(self) -> str:
        """Sha256 of a large file, git's name of a small one: the client's cache uses it."""
        return self.sha256 if self.large else self.oid


@dataclass(frozen=True)
class Commit:
    """A state of the whole repository."""

    oid: str
    parent: str | None
    title: str
    message: str
    user: str
    date: str
    tree: Mapping[str, Entry]


@dataclass
class Repo:
    """A repository: commits, and the names that point at them."""

    id: str
    private: bool = False
    gated: str | bool = False
    granted: set[str] = field(default_factory=set)
    created: str = field(default_factory=now)
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    downloads: int = 0

    def at(self, revision: str) -> Commit:
        """The commit that a branch, tag, full hash or hash prefix of 7 and more names."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        oid = self.branches.get(name) or self.tags.get(name) or name
        if oid in self.commits:
            return self.commits[oid]
        near = [c for c in self.commits if len(name) >= 7 and c.startswith(name)]
        if len(near) == 1:
            return self.commits[near[0]]
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def history(self, revision: str) -> list[Commit]:
        """Commits from this one back to the first."""
        commits = [self.at(revision)]
        while (parent := commits[-1].parent) is not None:
            commits.append(self.commits[parent])
        return commits


class Store:
    """All repositories under one root, and the users of this process."""

    def __init__(self, root: Path, large_bytes: int):
        self.root, self.large_bytes = Path(root), large_bytes
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.repos: dict[str, Repo] = {}
        for folder in ("blobs", "repos", "incoming"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for path in sorted((self.root / "repos").glob("*.json")):
            repo = _thaw(json.loads(path.read_text("utf-8")))
            self.repos[repo.id] = repo

    # blobs -----------------------------------------------------------------------------------
    def blob(self, sha256: str) -> Path:
        """Where the content with this hash lies, whether or not it is there."""
        return self.root / "blobs" / sha256[:2] / sha256

    def keep(self, stream: Readable, expect: str | None = None) -> tuple[str, int]:
        """Store a content under its hash; a hash other than the expected one is refused."""
        digest, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=self.root / "incoming", delete=False) as file:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                size += file.write(chunk)
        name = digest.hexdigest()
        if expect not in (None, name):
            os.unlink(file.name)
            raise Refusal(400, f"content has sha256 {name}, announced was {expect}")
        self.blob(name).parent.mkdir(exist_ok=True)
        os.replace(file.name, self.blob(name))
        return name, size

    def is_large(self, path: str, size: int, sample: bytes) -> bool:
        """Whether a file is kept outside git: by suffix, by size, or because it is binary."""
        return size > 0 and (
            path.endswith(LARGE_SUFFIXES) or size >= self.large_bytes or b"\0" in sample
        )

    # access ----------------------------------------------------------------------------------
    def readable(self, repo_id: str, user: User | None) -> Repo:
        """The repository, if this user may know of it."""
        repo = self.repos.get(repo_id)
        if repo is None or (repo.private and not (user and user.owns(repo_id.split("/")[0]))):
            if user is None:
                raise Refusal(401, "Invalid username or password.", "RepoNotFound")
            raise Refusal(404, "Repository not found", "RepoNotFound")
        return repo

    def writable(self, repo_id: str, user: User | None) -> Repo:
        """The repository, if this user may change it."""
        repo = self.readable(repo_id, user)
        self.permit(repo_id.split("/")[0], user)
        return repo

    def permit(self, namespace: str, user: User | None) -> User:
        """The user, if she may write in the namespace."""
        if user is None:
            raise Refusal(401, "Invalid username or password.")
        if user.role != "write" or not user.owns(namespace):
            raise Refusal(403, f"You don't have the rights to write in the namespace {namespace}")
        return user

    def downloadable(self, repo: Repo, user: User | None) -> None:
        """Refuse the files of a gated repository to those who were not let in."""
        if not repo.gated or (user and user.owns(repo.id.split("/")[0])):
            return
        if user is None:
            message = f"Access to model {repo.id} is restricted. Please log in."
            raise Refusal(401, message, "GatedRepo")
        if user.name not in repo.granted:
            message = f"Access to model {repo.id} is restricted and you are not in the list."
            raise Refusal(403, message, "GatedRepo")

    # changes ---------------------------------------------------------------------------------
    def create(self, repo_id: str, user: str, private: bool = False) -> Repo:
        """A new repository with one commit that holds `.gitattributes`."""
        with self.lock:
            if repo_id in self.repos:
                raise Refusal(409, "You already created this model repo")
            repo = Repo(repo_id, private=private)
            self.repos[repo_id] = repo
            self.commit(repo, "main", {".gitattributes": ATTRIBUTES.encode()}, user, "first commit")
            return repo

    def delete(self, repo_id: str) -> None:
        """Remove a repository; contents stay, others may share them."""
        with self.lock:
            del self.repos[repo_id]
            self._file(repo_id).unlink(missing_ok=True)

    def entry(self, path: str, data: bytes) -> Entry:
        """Store a content given as bytes and describe it."""
        sha256, size = self.keep(io.BytesIO(data))
        return self.stored(path, sha256, size, self.is_large(path, size, data[:512]))

    def stored(self, path: str, sha256: str, size: int, large: bool) -> Entry:
        """Describe a content that is there already."""
        if not self.blob(sha256).is_file():
            raise Refusal(400, f"{path}: no content with sha256 {sha256} was uploaded")
        text = pointer(sha256, size) if large else self.blob(sha256).read_bytes()
        return Entry(sha256, size, git_blob(text), large)

    def commit(
        self,
        repo: Repo,
        branch: str,
        changes: Mapping[str, Entry | bytes | None],
        user: str,
        title: str,
        message: str = "",
        parent: str | None = None,
    ) -> Commit:
        """Put changes on top of a branch: an entry or bytes to write, None to delete."""
        with self.lock:
            head = repo.branches.get(branch)
            if repo.commits and head is None:
                raise Refusal(404, f"Invalid rev id: {branch}", "RevisionNotFound")
            if parent is not None and not (head or "").startswith(parent):
                raise Refusal(412, f"A commit has happened since {parent}: {branch} is at {head}")
            tree = dict(repo.commits[head].tree) if head else {}
            for path, change in changes.items():
                if change is None:
                    del tree[path]
                else:
                    tree[path] = self.entry(path, change) if isinstance(change, bytes) else change
            date = now()
            described = {p: e.oid for p, e in sorted(tree.items())}
            text = json.dumps([head, title, message, user, date, described, len(repo.commits)])
            oid = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            repo.commits[oid] = Commit(oid, head, title, message, user, date, tree)
            repo.branches[branch] = oid
            self.save(repo)
            return repo.commits[oid]

    def save(self, repo: Repo) -> None:
        """Write a repository's description atomically."""
        frozen = {**asdict(repo), "granted": sorted(repo.granted)}
        path = self._file(repo.id)
        with tempfile.NamedTemporaryFile(
            "w", dir=self.root / "incoming", delete=False, encoding="utf-8"
        ) as file:
            json.dump(frozen, file)
        os.replace(file.name, path)

    def _file(self, repo_id: str) -> Path:
        return self.root / "repos" / (repo_id.replace("/", "--") + ".json")


def _thaw(frozen: dict[str, Any]) -> Repo:
    frozen["granted"] = set(frozen["granted"])
    frozen["commits"] = {
        oid: Commit(**{**c, "tree": {p: Entry(**e) for p, e in c["tree"].items()}})
        for oid, c in frozen["commits"].items()
    }
    return Repo(**frozen)
