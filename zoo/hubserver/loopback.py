"""Starting and stopping the loopback Hub: in a test, or for a user from the command line."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from zoo.hubserver.api import Api
from zoo.hubserver.content import Content
from zoo.hubserver.store import Store, User
from zoo.hubserver.wire import Fault, Faults, Port, Seen


class LoopbackHub:
    """A Hub at two addresses: `url` for the API, `content_url` for large files.

    Args:
        root: folder that keeps blobs and repositories; another Hub started on it goes on.
        api_port: 0 takes a free one.
        content_port: as api_port.
        large_bytes: files from this size on are kept outside git, besides binary ones.
        part_bytes: contents above this size are uploaded in parts of it.
        page: entries in one page of a listing.
    """

    def __init__(
        self,
        root: Path,
        api_port: int = 0,
        content_port: int = 0,
        *,
        large_bytes: int = 10 << 20,
        part_bytes: int = 256 << 20,
        page: int = 1000,
    ):
        self.store = Store(Path(root), large_bytes)
        self.faults, self.requests = Faults(), list[Seen]()
        self._content = Content(self.store, part_bytes)
        self._api = Api(self.store, self._content, page)
        self._ports = [
            Port("api", api_port, self._api.respond, self.faults, self.requests),
            Port("content", content_port, self._content.respond, self.faults, self.requests),
        ]
        self.url, self.content_url = (port.url for port in self._ports)
        self._api.url, self._content.url = self.url, self.content_url

    def __enter__(self) -> "LoopbackHub":
        for port in self._ports:
            port.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close both ports; what was pushed stays on disk."""
        for port in self._ports:
            port.stop()

    def add_user(
        self, name: str, token: str, orgs: Iterable[str] = (), role: str = "write"
    ) -> None:
        """Let a user in; role `read` may not change anything."""
        self.store.users[token] = User(name, tuple(orgs), role)

    def fault(
        self,
        pattern: str,
        *,
        status: int | None = None,
        times: int | None = None,
        cut_after: int | None = None,
        corrupt: bool = False,
        ignore_range: bool = False,
        before: Callable[[], object] | None = None,
        retry_after: int | None = None,
        code: str | None = None,
    ) -> None:
        """Misbehave for requests whose "METHOD path" matches the pattern.

        Args:
            pattern: a regular expression, searched in "METHOD path" of both ports.
            status: answer this instead.
            times: how often; always when not given.
            cut_after: bytes of the body before the connection drops.
            corrupt: wrong bytes of the right size.
            ignore_range: answer a Range request with the whole file.
            before: called before the request is answered.
            retry_after: seconds for a Retry-After header.
            code: the X-Error-Code that goes with status.
        """
        with self.faults.lock:
            self.faults.ordered.append(
                Fault(
                    pattern,
                    status,
                    times,
                    cut_after,
                    corrupt,
                    ignore_range,
                    before,
                    retry_after,
                    code,
                )
            )


def serve(root: Path, port: int = 8008, user: str = "me") -> None:
    """Run a Hub on loopback until interrupted, and say how to use it.

    Args:
        root: folder that keeps what is pushed, also across restarts.
        port: of the API; the content's port is any free one.
        user: owner of the namespace to push to.

    Raises:
        OSError: the port is taken.
    """
    try:
        hub = LoopbackHub(root, api_port=port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(
            f"port={port} is in use on this machine; end the other program or give another port"
        ) from None
    token = f"hf_loopback_{user}"
    hub.add_user(user, token)
    stopped = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    direct = " NO_PROXY=127.0.0.1" if any(os.environ.get(name) for name in names) else ""
    with hub:
        print(
            f"A Hub on loopback, kept in {Path(root).resolve()}. In another terminal:\n"
            f"  export HF_ENDPOINT={hub.url} HF_TOKEN={token} HF_HUB_DISABLE_XET=1{direct}\n"
            f"  zoo push CHECKPOINT {user}/first && zoo pull {user}/first\n"
            "Ctrl-C ends it; what was pushed stays.",
            flush=True,
        )
        stopped.wait()
    print("stopped", file=sys.stderr)
