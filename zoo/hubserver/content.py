"""The content origin: large files by hash, behind signed addresses, as a CDN has them."""

import hashlib
import hmac
import math
import re
import secrets
from typing import Any
from urllib.parse import quote, unquote

from zoo.hubserver.store import Refusal, Store
from zoo.hubserver.wire import Answer, Request


class Content:
    """The other origin: contents by hash, behind signed addresses."""

    def __init__(self, store: Store, part_bytes: int):
        self.store, self.part_bytes = store, part_bytes
        self.secret = secrets.token_bytes(16)
        self.url = ""

    def address(self, verb: str, sha256: str, name: str) -> str:
        """An address that permits one thing: to get, put, or complete this content."""
        return f"{self.url}/{verb}/{sha256}/{quote(name)}?key={self._key(verb, sha256)}"

    def _key(self, verb: str, sha256: str) -> str:
        text = f"{verb}/{sha256}".encode()
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()[:32]

    def respond(self, request: Request) -> Answer:
        """Send, receive, or put together a content."""
        match = re.fullmatch(r"/(get|put|part|complete)/([0-9a-f]{64})/(.*)", request.path)
        if match is None:
            raise Refusal(404, "no such content")
        verb, sha256, name = match[1], match[2], unquote(match[3])
        if not hmac.compare_digest(request.query.get("key", [""])[0], self._key(verb, sha256)):
            raise Refusal(403, "signature does not match")
        if verb == "get":
            headers = {
                "ETag": f'"{sha256}"',
                "Accept-Ranges": "bytes",
                "Content-Disposition": f'inline; filename="{name.rsplit("/")[-1]}";',
            }
            return Answer(200, b"", headers, self.store.blob(sha256))
        if verb == "put":
            self.store.keep(request.body, sha256)
            return Answer()
        if verb == "part":
            with (self.store.root / "incoming" / f"{sha256}.{int(name)}").open("wb") as file:
                file.write(request.body.read())
            return Answer(headers={"ETag": f'"{name}"'})
        return self._complete(sha256, request.json())

    def _complete(self, sha256: str, told: dict[str, Any]) -> Answer:
        parts = [
            self.store.root / "incoming" / f"{sha256}.{int(part['partNumber'])}"
            for part in told["parts"]
        ]
        whole = self.store.root / "incoming" / f"{sha256}.whole"
        with whole.open("wb") as file:
            for part in parts:
                file.write(part.read_bytes())
                part.unlink()
        with whole.open("rb") as file:
            self.store.keep(file, sha256)
        whole.unlink()
        return Answer.of({"success": True})

    def upload(self, sha256: str, size: int) -> dict[str, Any]:
        """How to upload a content: at once, or in parts when it is long."""
        if size <= self.part_bytes:
            return {"href": self.address("put", sha256, "content")}
        header = {"chunk_size": str(self.part_bytes)}
        for part in range(1, math.ceil(size / self.part_bytes) + 1):
            header[str(part)] = self.address("part", sha256, str(part))
        return {"href": self.address("complete", sha256, "content"), "header": header}
