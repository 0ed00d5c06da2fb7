"""The routes that the Hub's client asks for, models only (datasets and spaces are not served).

Large contents are sent from, and uploaded to, the content origin (`content.py`).
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from zoo.hubserver.content import Content
from zoo.hubserver.store import Entry, Refusal, Store
from zoo.hubserver.telling import describe, folder, front_matter, node
from zoo.hubserver.wire import Answer, Request

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")
ID, REV, PATH = r"(?P<repo>[^/]+/[^/]+)", r"(?P<revision>[^/]+)", r"(?P<path>.+)"
MODEL = f"/api/models/{ID}"


class Api:
    """The Hub's own origin."""

    def __init__(self, store: Store, content: Content, page: int):
        self.store, self.content, self.page = store, content, page
        self.url = ""

    def respond(self, request: Request) -> Answer:
        """Find the route and take it."""
        if request.token is not None:
            request.user = self.store.users.get(request.token)
            if request.user is None:
                raise Refusal(401, "Invalid credentials in Authorization header")
        for methods, pattern, route in ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and request.method in methods.split():
                found = {k: unquote(v) for k, v in match.groupdict().items() if v is not None}
                if request.method in ("GET", "HEAD"):
                    return route(self, request, **found)
                with self.store.lock:
                    return route(self, request, **found)
        raise Refusal(404, f"no route {request.method} {request.path}")

    # people and repositories -------------------------------------------------------------------
    def whoami(self, request: Request) -> Answer:
        """Who the token belongs to."""
        if (user := request.user) is None:
            raise Refusal(401, "Invalid username or password.")
        access = {"accessToken": {"displayName": "loopback", "role": user.role}}
        orgs = [{"type": "org", "name": name} for name in user.orgs]
        return Answer.of({"type": "user", "name": user.name, "orgs": orgs, "auth": access})

    def create(self, request: Request) -> Answer:
        """A new model repository, in one's own namespace or an organisation's."""
        told = request.json()
        if told.get("type", "model") != "model":
            raise Refusal(501, "the loopback Hub keeps models only")
        namespace = told.get("organization") or (request.user.name if request.user else "")
        user = self.store.permit(namespace, request.user)
        repo_id = f"{namespace}/{told['name']}"
        if not NAME.fullmatch(told["name"]):
            raise Refusal(400, f"{told['name']!r} is no repository name")
        private = told.get("visibility") == "private" or bool(told.get("private"))
        address = {"url": f"{self.url}/{repo_id}", "name": repo_id}
        try:
            repo = self.store.create(repo_id, user.name, private)
        except Refusal as refusal:
            raise Refusal(refusal.status, refusal.message, **address) from None
        return Answer.of({**address, "id": repo.id})

    def delete(self, request: Request) -> Answer:
        """Remove a repository."""
        told = request.json()
        namespace = told.get("organization") or (request.user.name if request.user else "")
        self.store.delete(self.store.writable(f"{namespace}/{told['name']}", request.user).id)
        return Answer()

    def settings(self, request: Request, repo: str) -> Answer:
        """Make private or public, gate or open."""
        found, told = self.store.writable(repo, request.user), request.json()
        if "visibility" in told or "private" in told:
            found.private = told.get("visibility") == "private" or bool(told.get("private"))
        found.gated = told.get("gated", found.gated)
        self.store.save(found)
        return Answer.of({"private": found.private, "gated": found.gated})

    def auth_check(self, request: Request, repo: str, write: str = "") -> Answer:
        """Whether the files may be read, or written."""
        found = (self.store.writable if write else self.store.readable)(repo, request.user)
        self.store.downloadable(found, request.user)
        return Answer.of({})

    # reading -----------------------------------------------------------------------------------
    def info(self, request: Request, repo: str, revision: str = "main") -> Answer:
        """A repository at a revision."""
        found = self.store.readable(repo, request.user)
        blobs = "blobs" in request.query
        return Answer.of(describe(self.store, found, found.at(revision), blobs))

    def models(self, request: Request) -> Answer:
        """The models that pass every filter."""
        query = {k: v[0] for k, v in request.query.items()}
        found = []
        for repo in list(self.store.repos.values()):
            owner = repo.id.split("/")[0]
            if repo.private and not (request.user and request.user.owns(owner)):
                continue
            told = describe(self.store, repo, repo.at("main"), False)
            if (
                set(request.query.get("filter", [])) <= set(told["tags"])
                and query.get("author", owner) == owner
                and query.get("search", "").lower() in repo.id.lower()
                and query.get("pipeline_tag", told["pipeline_tag"]) == told["pipeline_tag"]
            ):
                found.append(told)
        if (key := query.get("sort")) in ("downloads", "createdAt", "lastModified"):
            found.sort(key=lambda told: told[key], reverse=True)
        limit = int(query.get("limit", self.page))
        return self._paged(request, found, min(limit, self.page))

    def tree(self, request: Request, repo: str, revision: str, path: str = "") -> Answer:
        """The files and folders of a revision, a page at a time."""
        commit = self.store.readable(repo, request.user).at(revision)
        recursive = request.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        prefix = path.strip("/") + "/" if path.strip("/") else ""
        nodes: dict[str, dict[str, Any]] = {}
        for name, entry in sorted(commit.tree.items()):
            if not name.startswith(prefix):
                continue
            below = name[len(prefix) :].split("/")
            for depth in range(1, len(below) if recursive else min(len(below), 2)):
                above = prefix + "/".join(below[:depth])
                nodes.setdefault(above, folder(commit, above))
            if recursive or len(below) == 1:
                nodes[name] = node(name, entry)
        if prefix and not nodes:
            raise Refusal(404, f"{path} does not exist on {revision}", "EntryNotFound")
        return self._paged(request, list(nodes.values()), self.page)

    def _paged(self, request: Request, found: list[Any], size: int) -> Answer:
        start = int(request.query.get("cursor", ["0"])[0])
        reply = Answer.of(found[start : start + size])
        if start + size < len(found):
            query = urlencode({**request.query, "cursor": [str(start + size)]}, doseq=True)
            reply.headers["Link"] = f'<{self.url}{request.path}?{query}>; rel="next"'
        return reply

    def paths_info(self, request: Request, repo: str, revision: str) -> Answer:
        """Those of the given paths that exist."""
        commit = self.store.readable(repo, request.user).at(revision)
        text = request.body.read().decode()
        json_body = request.headers.get("content-type", "").startswith("application/json")
        paths = json.loads(text)["paths"] if json_body else parse_qs(text).get("paths", [])
        return Answer.of([node(p, commit.tree[p]) for p in paths if p in commit.tree])

    def commits(self, request: Request, repo: str, revision: str) -> Answer:
        """The history of a revision."""
        found = self.store.readable(repo, request.user)
        return self._paged(
            request,
            [
                {
                    "id": c.oid,
                    "title": c.title,
                    "message": c.message,
                    "authors": [{"user": c.user}],
                    "date": c.date,
                }
                for c in found.history(revision)
            ],
            self.page,
        )

    def resolve(self, request: Request, repo: str, revision: str, path: str) -> Answer:
        """A file: small ones from here, large ones from the content origin."""
        found = self.store.readable(repo, request.user)
        commit = found.at(revision)
        self.store.downloadable(found, request.user)
        headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
        entry = commit.tree.get(path)
        if entry is None:
            reply = Answer.refusing(Refusal(404, "Entry not found", "EntryNotFound"))
            reply.headers.update(headers)
            return reply
        if path == "config.json" and request.method == "GET":
            found.downloads += 1
        headers["ETag"] = f'"{entry.etag}"'
        if entry.large:
            headers |= {"X-Linked-Size": str(entry.size), "X-Linked-ETag": f'"{entry.etag}"'}
            headers["Location"] = self.content.address("get", entry.sha256, path)
            return Answer(302, b"", headers)
        name = path.rsplit("/")[-1]
        headers["Content-Disposition"] = f'inline; filename="{name}";'
        return Answer(200, b"", headers, self.store.blob(entry.sha256))

    # writing -----------------------------------------------------------------------------------
    def validate_yaml(self, request: Request) -> Answer:
        """Whether a README's front matter can be read."""
        try:
            front_matter(request.json()["content"])
        except ValueError as error:
            told = {"errors": [{"message": str(error)}], "warnings": []}
            return Answer.of({"error": "Invalid metadata in README.md.", **told}, 400)
        return Answer.of({"errors": [], "warnings": []})

    def preupload(self, request: Request, repo: str, revision: str) -> Answer:
        """How each file is to be sent, and what is there already."""
        found = self.store.writable(repo, request.user)
        tree = found.at(revision).tree
        files = []
        for file in request.json()["files"]:
            sample = base64.b64decode(file.get("sample", ""))
            large = self.store.is_large(file["path"], file["size"], sample)
            mode = {"uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            told = {"path": file["path"], **mode}
            if file["path"] in tree:
                told["oid"] = tree[file["path"]].etag
            files.append(told)
        return Answer.of({"files": files})

    def batch(self, request: Request, repo: str) -> Answer:
        """Where to put each large content that is not there yet."""
        self.store.writable(repo, request.user)
        objects = []
        for wanted in request.json()["objects"]:
            told = {"oid": wanted["oid"], "size": wanted["size"]}
            if not re.fullmatch("[0-9a-f]{64}", wanted["oid"]):
                told["error"] = {"code": 422, "message": "oid is no sha256"}
            elif not self.store.blob(wanted["oid"]).is_file():
                verify = {"href": f"{self.url}/{repo}.git/info/lfs/objects/verify"}
                upload = self.content.upload(wanted["oid"], wanted["size"])
                told["actions"] = {"upload": upload, "verify": verify}
            objects.append(told)
        return Answer.of({"transfer": "basic", "objects": objects})

    def verify(self, request: Request, repo: str) -> Answer:
        """Whether an upload arrived whole."""
        self.store.writable(repo, request.user)
        told = request.json()
        blob = self.store.blob(told["oid"])
        if not blob.is_file() or blob.stat().st_size != told["size"]:
            raise Refusal(422, f"{told['oid']} did not arrive whole")
        return Answer.of({})

    def commit(self, request: Request, repo: str, revision: str) -> Answer:
        """Files written and deleted, in one step."""
        found = self.store.writable(repo, request.user)
        if "create_pr" in request.query:
            raise Refusal(501, "the loopback Hub has no pull requests")
        header: dict[str, Any] = {}
        changes: dict[str, Entry | bytes | None] = {}
        tree = found.at(revision).tree
        for line in filter(None, request.body.read().split(b"\n")):
            step = json.loads(line)
            if step["key"] == "header":
                header = step["value"]
            else:
                changes |= self._change(step["key"], step["value"], tree)
        assert request.user is not None
        made = self.store.commit(
            found,
            revision,
            changes,
            request.user.name,
            header.get("summary", ""),
            header.get("description", ""),
            header.get("parentCommit"),
        )
        url = f"{self.url}/{repo}/commit/{made.oid}"
        return Answer.of({"success": True, "commitOid": made.oid, "commitUrl": url})

    def _change(self, key: str, value: dict[str, Any], tree: Any) -> dict[str, Any]:
        path = value["path"].rstrip("/")
        if path.startswith("/") or {"", ".", "..", ".git"} & set(path.split("/")):
            raise Refusal(400, f"{path!r} is no path inside a repository")
        if key == "file":
            return {path: base64.b64decode(value["content"])}
        if key == "lfsFile":
            return {path: self.store.stored(path, value["oid"], value["size"], True)}
        if key == "deletedFile":
            gone = [path] if path in tree else []
        elif key == "deletedFolder":
            gone = [name for name in tree if name.startswith(path + "/")]
        else:
            raise Refusal(400, f"unknown step {key!r} in a commit")
        if not gone:
            raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
        return dict.fromkeys(gone)

    # names -------------------------------------------------------------------------------------
    def refs(self, request: Request, repo: str) -> Answer:
        """Branches and tags."""
        found = self.store.readable(repo, request.user)
        told: dict[str, Any] = {"converts": [], "pullRequests": []}
        for kind, names, prefix in (
            ("branches", found.branches, "refs/heads/"),
            ("tags", found.tags, "refs/tags/"),
        ):
            told[kind] = [
                {"name": n, "ref": prefix + n, "targetCommit": c} for n, c in names.items()
            ]
        return Answer.of(told)

    def tag(self, request: Request, repo: str, revision: str) -> Answer:
        """Set a tag at a revision, or remove it."""
        found = self.store.writable(repo, request.user)
        if request.method == "DELETE":
            if found.tags.pop(revision, None) is None:
                raise Refusal(404, f"no tag {revision}", "RevisionNotFound")
        else:
            name = request.json()["tag"]
            if name in found.tags:
                raise Refusal(409, f"Tag {name} already exists")
            found.tags[name] = found.at(revision).oid
        self.store.save(found)
        return Answer.of({})

    def branch(self, request: Request, repo: str, revision: str) -> Answer:
        """Start a branch, or remove it."""
        found = self.store.writable(repo, request.user)
        if revision == "main":
            raise Refusal(403, "the branch main stays as it is")
        if request.method == "DELETE":
            if found.branches.pop(revision, None) is None:
                raise Refusal(404, f"no branch {revision}", "RevisionNotFound")
        elif revision in found.branches:
            raise Refusal(409, f"Reference already exists: {revision}")
        else:
            text = request.body.read()
            start = json.loads(text or b"{}").get("startingPoint", "main")
            found.branches[revision] = found.at(start).oid
        self.store.save(found)
        return Answer.of({})


Route = Callable[..., Answer]
ROUTES: tuple[tuple[str, str, Route], ...] = (
    ("GET", "/api/whoami-v2", Api.whoami),
    ("POST", "/api/repos/create", Api.create),
    ("DELETE", "/api/repos/delete", Api.delete),
    ("POST", "/api/validate-yaml", Api.validate_yaml),
    ("GET", "/api/models", Api.models),
    ("PUT", f"{MODEL}/settings", Api.settings),
    ("GET", f"{MODEL}/auth-check(?:/(?P<write>write))?", Api.auth_check),
    ("GET HEAD", MODEL, Api.info),
    ("GET HEAD", f"{MODEL}/revision/{REV}", Api.info),
    ("GET", f"{MODEL}/tree/{REV}(?:/{PATH})?", Api.tree),
    ("POST", f"{MODEL}/paths-info/{REV}", Api.paths_info),
    ("GET", f"{MODEL}/refs", Api.refs),
    ("GET", f"{MODEL}/commits/{REV}", Api.commits),
    ("POST DELETE", f"{MODEL}/tag/{REV}", Api.tag),
    ("POST DELETE", f"{MODEL}/branch/{REV}", Api.branch),
    ("POST", f"{MODEL}/preupload/{REV}", Api.preupload),
    ("POST", f"{MODEL}/commit/{REV}", Api.commit),
    ("POST", f"/{ID}\\.git/info/lfs/objects/batch", Api.batch),
    ("POST", f"/{ID}\\.git/info/lfs/objects/verify", Api.verify),
    ("GET HEAD", f"/api/resolve-cache/models/{ID}/{REV}/{PATH}", Api.resolve),
    ("GET HEAD", f"/{ID}/resolve/{REV}/{PATH}", Api.resolve),
)
