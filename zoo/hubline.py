"""The line to the Hub: one call of the client at a time, quick to fail, with one kind of error.

The client retries for up to 23 seconds, waits for ever on a silent server, and raises a dozen
kinds of exception. While a `Line` is open, the client does not retry (the line does, once, and says
so), every request has a time limit, and the token goes to the endpoint's own origin only.
"""

import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

T = TypeVar("T")
TRANSIENT = (408, 429, 500, 502, 503, 504)
ATTEMPTS = 2
"""How often the client may send one request within one call; it would do so for 23 seconds."""
PATIENCE = 5.0
"""Seconds that a server may ask us to wait before the one retry; a longer wait is an error."""
CONNECT, WRITE = 5.0, 60.0
_ONE_AT_A_TIME = threading.RLock()


class HubError(Exception):
    """What went wrong between us and the Hub, whatever it was.

    Args:
        repo: `owner/name`.
        revision: branch, tag or commit.
        file: the file concerned; None when it is the repository as a whole.
        cause: what happened.
        remedy: what to do.
    """

    def __init__(self, repo: str, revision: str | None, file: str | None, cause: str, remedy: str):
        super().__init__(repo, revision, file, cause, remedy)
        self.repo, self.revision, self.file = repo, revision or "main", file
        self.cause, self.remedy = cause, remedy

    def __str__(self) -> str:
        where = f"{self.repo}@{self.revision}, {self.file or 'all files'}"
        return f"{where}: {self.cause}; {self.remedy}"


class Unanswered(ConnectionError):
    """A request that was sent often enough, and never answered in full."""

    def __init__(self, request: Any):
        super().__init__(f"no whole answer to {request.method} {request.url.path}")
        self.request = request


def say(text: str) -> None:
    """A word to the user while a command goes on."""
    print(f"zoo: {text}", file=sys.stderr, flush=True)


class Line:
    """An open line to one repository; a context manager.

    Args:
        repo: `owner/name`.
        revision: branch, tag or commit; None is `main`.
        endpoint: the Hub's address; None takes HF_ENDPOINT, or the public Hub.
        token: as in the client. None takes HF_TOKEN or the stored one, but only for the configured
            endpoint: a token is not sent to an address that was given as an argument alone.
    """

    def __init__(self, repo: str, revision: str | None, endpoint: str | None, token: str | None):
        from huggingface_hub import constants, get_token

        configured = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
        self.repo, self.revision = repo, revision
        self.endpoint = (endpoint or configured).rstrip("/")
        self.withheld = token is None and _origin(self.endpoint) != _origin(configured)
        self.token: str | bool | None = False if self.withheld else token
        implicit = token is None and not self.withheld
        self._secret = (get_token() or "") if implicit else (token or "")
        self.fresh, self.refused = False, 0
        self._patience = float(constants.HF_HUB_ETAG_TIMEOUT)
        self._files: dict[str, str] = {}
        self._sent: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> "Line":
        from huggingface_hub import get_session

        _ONE_AT_A_TIME.acquire()
        self._hooks = get_session().event_hooks
        self._hooks["request"].append(self._leaving)
        self._hooks["response"].append(self._arriving)
        text = f"waiting for an answer from {self.endpoint}"
        self._word = threading.Timer(3.0, say, (text,))
        self._word.daemon = True
        self._word.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._word.cancel()
        self._hooks["request"].remove(self._leaving)
        self._hooks["response"].remove(self._arriving)
        _ONE_AT_A_TIME.release()

    @property
    def access(self) -> dict[str, Any]:
        """The arguments that every call of the client gets."""
        return {"endpoint": self.endpoint, "token": self.token, **library()}

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the client; one retry when the server says that it is busy.

        Raises:
            HubError: it did not work.
        """
        from huggingface_hub.errors import EntryNotFoundError
        from huggingface_hub.utils import httpx

        # the client checks answers as it goes: a server that is no Hub gives KeyError and the like
        failures = (
            *(httpx.HTTPError, httpx.InvalidURL, EntryNotFoundError, OSError, RuntimeError),
            *(ValueError, KeyError, TypeError, AssertionError),
        )
        self._sent.clear()
        try:
            return function(*args, **kwargs)
        except failures as error:
            wait, failure = _pause(_root(error)), self.explain(error)
        if wait is None:
            raise failure
        say(f"{failure.cause}; trying once more in {wait:g} s")
        time.sleep(wait)
        self._sent.clear()
        try:
            return function(*args, **kwargs)
        except failures as error:
            failure = self.explain(error)
        raise failure

    def error(self, file: str | None, cause: str, remedy: str) -> HubError:
        """An error on this line, without the token whatever the cause says."""
        words = [cause, remedy]
        if self._secret:
            words = [text.replace(self._secret, "<token>") for text in words]
        return HubError(self.repo, self.revision, file, *words)

    def explain(self, error: BaseException) -> HubError:
        """The one error that a user sees."""
        from zoo.hubwords import words

        root = _root(error)
        cause, remedy = words(root, self.endpoint)
        if self.withheld and getattr(getattr(root, "response", None), "status_code", 0) == 401:
            remedy += " (a stored token is not sent to an endpoint given by argument: pass token=)"
        return self.error(self._file(error, root), cause, remedy)

    def _file(self, error: BaseException, root: BaseException) -> str | None:
        """The file that a failed request was about."""
        if uploading := re.search(r"while uploading '(.+?)'", str(error)):
            return uploading[1]
        if wrong_size := re.search(r"has size \d+ \((.+?)\)", str(root)):
            return wrong_size[1]
        try:
            # the client's own errors have a response, those of its transport a request
            told: Any = getattr(root, "response", root)
            address = str(told.request.url)
        except (AttributeError, RuntimeError):
            return None
        return self._files.get(address) or _resolved(address)

    def _leaving(self, request: Any) -> None:
        sent = request.headers.get("authorization", "")
        away = _origin(str(request.url)) != _origin(self.endpoint)
        if away and self._secret and self._secret in sent:
            del request.headers["authorization"]
        # a download that goes on has something to show for it; equal addresses of POST are no
        # repetition: each large file of an upload is confirmed at the same one
        if "range" not in request.headers and request.method != "POST":
            line = request.method, str(request.url)
            self._sent[line] += 1
            if self._sent[line] > ATTEMPTS:
                raise Unanswered(request)
        limits = request.extensions.get("timeout") or {}
        slow = request.method in ("PUT", "POST")
        read = WRITE if slow else self._patience
        ours = {"connect": CONNECT, "read": read, "write": WRITE, "pool": WRITE}
        request.extensions["timeout"] = {k: limits.get(k) or v for k, v in ours.items()}

    def _arriving(self, response: Any) -> None:
        from huggingface_hub.utils import hf_raise_for_status

        self._word.cancel()
        self.fresh = self.fresh or response.status_code < 400
        self.refused = response.status_code if response.status_code >= 400 else self.refused
        address = str(response.request.url)
        file = _resolved(address)
        if file and "location" in response.headers:
            self._files[urljoin(address, response.headers["location"])] = file
        if response.status_code in TRANSIENT:
            response.read()
            hf_raise_for_status(response)  # raised here, it is not retried by the client


@contextmanager
def without_xet() -> Iterator[None]:
    """Upload by LFS, which every Hub speaks; the client has no fallback from xet of its own."""
    from huggingface_hub import constants

    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before


def library() -> dict[str, str]:
    """Who is asking, so that the Hub can count downloads."""
    from zoo import __version__

    return {"library_name": "physics-zoo", "library_version": __version__}


def _root(error: BaseException) -> BaseException:
    """The failure itself, below the client's wrappers."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    wrapped = isinstance(error, LocalEntryNotFoundError | RuntimeError)
    return _root(error.__cause__) if wrapped and error.__cause__ else error


def _pause(error: BaseException) -> float | None:
    """Seconds to wait before the retry; None when there shall be none."""
    response = getattr(error, "response", None)
    if response is None or response.status_code not in TRANSIENT:
        return None
    asked = response.headers.get("retry-after", "1")
    return float(asked) if asked.isdigit() and int(asked) <= PATIENCE else None


def _origin(address: str) -> tuple[str, str | None, int | None]:
    url = urlsplit(address)
    return url.scheme, url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _resolved(address: str) -> str | None:
    match = re.search(r"/resolve/[^/]+/(.+)", urlsplit(address).path)
    return unquote(match[1]) if match else None
