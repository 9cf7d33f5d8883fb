"""Who may ask the studio, and what browsers are told: hosts, origins, the token, and headers.

That it listens on this computer alone is no protection: any page that a browser is on can send requests to it, and a
name of its own can lead there (DNS rebinding). So the Host must be ours, a browser must say that our own page asks, and
all but the page itself needs the token that the address on the terminal has.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SAFE = ("GET", "HEAD")
_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}


def trusted(listening: str) -> Callable[[str], bool]:
    """Whether a Host is one that leads here: of a server that listens to the address `listening`.

    On loopback its own names alone. Where others may reach it, a number is one too: no foreign name leads to it.
    """
    own = {listening.strip("[]").lower(), *LOOPBACK}
    alone = listening in LOOPBACK
    return lambda host: host in own or (not alone and _is_number(host))


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


class Guard:
    """Refuses what does not come from where it may; `free` says which paths need no token."""

    def __init__(self, app: ASGIApp, *, hosts: Callable[[str], bool], token: str, free: Callable[[str], bool]):
        self._app, self._hosts, self._token, self._free = app, hosts, token.encode(), free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a refusal."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        status, reason = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        if status:
            await JSONResponse({"error": reason}, status)(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str]:
        """The status and the reason of a refusal; 0 if there is none."""
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._hosts(name_of(host)):
            return 400, "This address is not the studio's. Open the one that it printed."
        site = headers.get("sec-fetch-site")
        arriving = method in _SAFE and headers.get("sec-fetch-mode") == "navigate" and self._free(path)
        if site is not None and site not in ("same-origin", "none") and not arriving:
            return 403, "Another site has sent this request."
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return 403, "Another site has sent this request."
        if self._free(path) and method in _SAFE:
            return 0, ""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            return 401, "The token is missing or wrong. Open the address that `impasto studio` printed."
        return 0, ""
