"""HTTP/1.1 for the loopback Hub: reading requests, writing answers, ranges, faults on order.

A fault makes the server misbehave the way networks and servers do; tests order them through
`LoopbackHub.fault`.
"""

import io
import json
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from zoo.hubserver.store import Readable, Refusal, User

SPOOL = 1 << 20


@dataclass
class Request:
    """What arrived; `path` is still percent-encoded, `token` is kept out of every log."""

    port: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Readable
    token: str | None = field(repr=False, default=None)
    user: User | None = None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body.read())


@dataclass
class Answer:
    """What goes back: bytes, or a file to stream."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def of(cls, data: Any, status: int = 200, **headers: str) -> "Answer":
        """An answer in JSON; underscores in header names become hyphens."""
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return cls(status, json.dumps(data).encode(), {"Content-Type": "application/json", **named})

    @classmethod
    def refusing(cls, refusal: Refusal) -> "Answer":
        """A refusal, in the body and in the headers that the client reads."""
        named = {"X-Error-Message": refusal.message}
        if refusal.code:
            named["X-Error-Code"] = refusal.code
        return cls.of({"error": refusal.message, **refusal.extra}, refusal.status, **named)


class Seen(NamedTuple):
    """A line of the request log: that a token came along, never which."""

    port: str
    method: str
    path: str
    token: bool
    range: str | None
    agent: str
    status: int


@dataclass
class Fault:
    """One way to misbehave, for the requests whose "METHOD path" the pattern is found in."""

    pattern: str
    status: int | None = None
    times: int | None = None
    cut_after: int | None = None
    corrupt: bool = False
    ignore_range: bool = False
    before: Callable[[], object] | None = None
    retry_after: int | None = None
    code: str | None = None

    def takes(self, line: str) -> bool:
        """Whether this request is hit; uses up one of `times`."""
        if self.times == 0 or not re.search(self.pattern, line):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults on order."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ordered: list[Fault] = []

    def take(self, line: str) -> list[Fault]:
        """Those that hit this request."""
        with self.lock:
            return [fault for fault in self.ordered if fault.takes(line)]


class Port(ThreadingHTTPServer):
    """One of the Hub's two origins."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        name: str,
        number: int,
        respond: Callable[[Request], Answer],
        faults: Faults,
        log: list[Seen],
    ):
        self.name, self.respond, self.faults, self.log = name, respond, faults, log
        self.open: set[Any] = set()
        self.stopping = False
        super().__init__(("127.0.0.1", number), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Answer from a thread of its own."""
        self.thread.start()

    def stop(self) -> None:
        """Stop answering and drop the connections kept alive."""
        self.stopping = True
        if self.thread.is_alive():
            self.shutdown()
            self.thread.join()
        self.server_close()
        for connection in list(self.open):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """As the standard library, but a client that went away is no news."""
        if not self.stopping and not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = SPOOL
    server: Port  # type: ignore[assignment]

    def setup(self) -> None:
        """Remember the connection, to drop it when the Hub stops."""
        super().setup()
        self.server.open.add(self.request)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.open.discard(self.request)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the log is a list."""

    def answer(self) -> None:
        """Read one request, apply the faults on order, answer."""
        with tempfile.SpooledTemporaryFile(max_size=SPOOL) as body:
            request = self._read(body)
            faults = self.server.faults.take(f"{request.method} {unquote(request.path)}")
            reply = self._reply(request, faults)
            whole = any(fault.ignore_range for fault in faults)
            reply, start, stop = _part(reply, None if whole else request.headers.get("range"))
            self._note(request, reply)
            self._write(request.method, reply, start, stop, faults)

    def _reply(self, request: Request, faults: list[Fault]) -> Answer:
        for fault in faults:
            if fault.before:
                fault.before()
        try:
            for fault in faults:
                if fault.status:
                    raise Refusal(fault.status, f"{fault.status} on order", fault.code)
            reply = self.server.respond(request)
        except Refusal as refusal:
            reply = Answer.refusing(refusal)
        for fault in faults:
            if fault.retry_after is not None:
                reply.headers["Retry-After"] = str(fault.retry_after)
        return reply

    def _note(self, request: Request, reply: Answer) -> None:
        told = request.headers.get
        path, token = unquote(request.path), request.token is not None
        span, agent = told("range"), told("user-agent", "")
        self.server.log.append(
            Seen(request.port, request.method, path, token, span, agent, reply.status)
        )

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def _read(self, body: Any) -> Request:
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        for chunk in self._chunks(headers):
            body.write(chunk)
        body.seek(0)
        token = headers.pop("authorization", None)
        return Request(
            self.server.name,
            self.command,
            url.path,
            parse_qs(url.query, keep_blank_values=True),
            headers,
            body,
            token.removeprefix("Bearer ") if token else None,
        )

    def _chunks(self, headers: dict[str, str]) -> Iterable[bytes]:
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(headers.get("content-length", 0))
        while left > 0 and (chunk := self.rfile.read(min(left, SPOOL))):
            left -= len(chunk)
            yield chunk

    def _write(
        self, method: str, reply: Answer, start: int, stop: int, faults: list[Fault]
    ) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if method != "HEAD":
            with reply.file.open("rb") if reply.file else io.BytesIO(reply.body) as source:
                self._send(source, start, stop, faults)

    def _send(self, source: Any, start: int, stop: int, faults: list[Fault]) -> None:
        source.seek(start)
        cuts = [f.cut_after for f in faults if f.cut_after is not None]
        left = min([stop - start, *cuts])
        cut = left < stop - start
        while left > 0 and (chunk := source.read(min(left, SPOOL))):
            left -= len(chunk)
            if any(f.corrupt for f in faults):
                chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
            self.wfile.write(chunk)
        if cut:
            self.wfile.flush()
            self.close_connection = True


def _part(reply: Answer, span: str | None) -> tuple[Answer, int, int]:
    """What a Range header leaves of an answer: start and stop among the bytes."""
    size = reply.file.stat().st_size if reply.file else len(reply.body)
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", span or "")
    if match is None or reply.file is None:
        return reply, 0, size
    start, stop = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if start >= size:
        return Answer(416, b"", {"Content-Range": f"bytes */{size}"}), 0, 0
    headers = {**reply.headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return Answer(206, b"", headers, reply.file), start, stop
