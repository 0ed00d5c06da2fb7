"""What a failure of the Hub's client means, in words: cause and remedy."""

import errno
from typing import Any

LOGIN = "set HF_TOKEN, run `hf auth login`, or pass token="


def words(error: BaseException, endpoint: str) -> tuple[str, str]:
    """Cause and remedy of a failure."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
    from huggingface_hub.utils import httpx

    if isinstance(error, OfflineModeIsEnabled):
        return (
            "it is not in the cache, or not whole, and HF_HUB_OFFLINE forbids to ask",
            "pull it once with HF_HUB_OFFLINE=0, or give another cache_dir",
        )
    if isinstance(error, LocalEntryNotFoundError):
        return (
            "it is not in the cache, or not whole, and the Hub was not asked",
            "pull it once while the Hub can be reached",
        )
    if isinstance(error, HfHubHTTPError):
        return _refused(error, endpoint)
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
        return _unreachable(error, endpoint)
    if isinstance(error, ConnectionError):
        return f"the connection broke off ({error})", "try again in some minutes"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full", "make room, or give another cache_dir"
    if "Consistency check failed" in str(error):
        return "it arrived with the wrong size, and was not kept", "pull again"
    if isinstance(error, KeyError | TypeError | AssertionError):
        return (
            f"{endpoint} answered what no Hub answers ({type(error).__name__}: {error})",
            "check HF_ENDPOINT or endpoint=",
        )
    text = " ".join(str(error).split()) or type(error).__name__
    return text, "correct that and try again"


def _unreachable(error: Any, endpoint: str) -> tuple[str, str]:
    from huggingface_hub.utils import httpx

    if isinstance(error, httpx.TimeoutException):
        return (
            f"{endpoint} did not answer in time ({type(error).__name__})",
            "try again later, or check the network and the proxy variables",
        )
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
        return (
            f"the transfer broke off ({error})",
            "try again; nothing of the broken file was kept",
        )
    return (
        f"{endpoint} cannot be reached ({error})",
        "check the network, the proxy variables and HF_ENDPOINT, or pull a release that is cached "
        "with HF_HUB_OFFLINE=1",
    )


def _refused(error: Any, endpoint: str) -> tuple[str, str]:
    from huggingface_hub import errors

    response = error.response
    status = response.status_code
    known = "authorization" in response.request.headers
    said = " ".join((error.server_message or response.reason_phrase or "").split())
    if isinstance(error, errors.GatedRepoError):
        ask = f"ask for access at {endpoint}/{_repo(response)}"
        if known:
            return f"the repository is gated, and this token's owner was not let in ({status})", ask
        return f"the repository is gated, and no token was sent ({status})", f"{ask}, then {LOGIN}"
    if isinstance(error, errors.RepositoryNotFoundError):
        if known:
            cause = "there is no such repository, or this token's owner may not see it"
            return f"{cause} ({status})", "check owner, name and token"
        cause = "there is no such repository, or it is private and no token was sent"
        return f"{cause} ({status})", f"check owner and name; if it is private, {LOGIN}"
    if isinstance(error, errors.RevisionNotFoundError):
        return (
            f"there is no such branch, tag or commit ({status})",
            f"see {endpoint}/{_repo(response)}/refs, or leave the revision out for main",
        )
    if isinstance(error, errors.EntryNotFoundError):
        return (
            f"the repository has no such file there ({status})",
            "it is no whole release of this zoo: ask its owner, or give another revision",
        )
    return _by_status(status, said, response.headers.get("retry-after"))


def _by_status(status: int, said: str, after: str | None) -> tuple[str, str]:
    match status:
        case 400:
            return f"the Hub found fault with the request (400: {said})", "correct that, try again"
        case 401:
            return f"the Hub did not accept the token (401: {said})", f"{LOGIN} with a valid one"
        case 403:
            return (
                f"this token does not permit it (403: {said})",
                "use a token with the right to write there, or another owner/name",
            )
        case 404:
            return f"the Hub does not know it (404: {said})", "check owner, name and revision"
        case 409:
            return f"it exists already (409: {said})", "choose another name, or remove the old one"
        case 412:
            return (
                "somebody pushed to it in the meantime (412), and nothing was changed",
                "look at their commit, then push again",
            )
        case 429:
            wait = f"wait {after} s" if after else "wait some minutes"
            return "too many requests (429)", f"{wait}, then try again; with a token more are free"
    if status >= 500:
        return f"the Hub has trouble of its own ({status}: {said})", "try again in some minutes"
    return f"the Hub answered {status}: {said}", "try again; if it stays, report it with this text"


def _repo(response: Any) -> str:
    parts = response.request.url.path.split("/")
    parts = parts[3:] if parts[1:3] == ["api", "models"] else parts[1:]
    return "/".join(parts[:2])
