"""The gate in front of everything the web process answers, websockets included: known host, known person."""

import logging
import re
from base64 import b64encode
from collections.abc import Callable, Collection
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.notice import unavailable
from app.signatures import COOKIE, COOKIE_SECONDS, make_cookie, read_cookie

OPEN = ("/_stcore/health", "/_stcore/script-health-check")
CLOSED = ("/_stcore/metrics", "/_stcore/agent")
HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

log = logging.getLogger(__name__)


def content_security_policy(page: str) -> str:
    """What a browser may load: this server's own files, and the inline scripts that `page` has today.

    Components of version 2 are imported from blob: addresses; Streamlit styles its pages inline.
    """
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts]
    sources = " ".join(["'self'", "blob:", *hashes])
    return (
        f"default-src 'self'; script-src {sources}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "media-src 'self' blob:; connect-src 'self' blob: data:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


class Gate:
    """Pure ASGI middleware.

    Args:
        app: what lies behind the gate.
        secret: signs the cookie.
        user_of_token: token -> user id, None for a wrong one.
        is_current: user id -> True while that person has access.
        hosts: host names that may be asked for; "*" allows all.
        sign_in_page: HTML for people without a cookie.
        policy: content security policy of every answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        secret: bytes,
        user_of_token: Callable[[str], int | None],
        is_current: Callable[[int], bool],
        hosts: Collection[str],
        sign_in_page: str,
        policy: str,
    ) -> None:
        self.app = app
        self.secret = secret
        self.user_of_token = user_of_token
        self.is_current = is_current
        self.hosts = frozenset(host.lower() for host in hosts)
        self.sign_in_page = sign_in_page
        self.headers = {**HEADERS, "content-security-policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        try:
            answer = await self._answer(scope)
        except Exception:  # the database is asked who is there: whatever it answers with, nobody comes in
            log.exception("the gate could not ask the database")
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": 1013, "reason": "try again"})
            return await unavailable(scope)(scope, receive, self._with_headers(send))
        if scope["type"] == "websocket":
            if answer is None:
                return await self.app(scope, receive, send)
            return await send({"type": "websocket.close", "code": 1008, "reason": "sign in first"})
        return await (answer or self.app)(scope, receive, self._with_headers(send))

    async def _answer(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        if not self._knows(headers.get("host", "")):
            return PlainTextResponse("This host name is not served here.", 421)
        if path in OPEN and scope["type"] == "http":
            return None
        if path.startswith(CLOSED):
            return PlainTextResponse("Not found.", 404)
        query = scope["query_string"].decode("latin-1")
        token = parse_qs(query).get("token", [""])[0]
        user_id = await self._signed_in(headers)
        if token and scope["type"] == "http":
            # An old link still opens for somebody who is signed in.
            user_id = await run_in_threadpool(self.user_of_token, token) or user_id
            if user_id is not None:
                return self._welcome(scope, user_id, query)
        elif user_id is not None:
            return None
        return HTMLResponse(self.sign_in_page, 403, {"cache-control": "no-store"})

    def _knows(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return "*" in self.hosts or name.strip("[]").lower() in self.hosts

    async def _signed_in(self, headers: Headers) -> int | None:
        user_id = read_cookie(self.secret, cookie_of(headers.get("cookie", "")))
        current = user_id is not None and await run_in_threadpool(self.is_current, user_id)
        return user_id if current else None

    def _welcome(self, scope: Scope, user_id: int, query: str) -> Response:
        # The token leaves the address bar, and with it the history.
        rest = urlencode([pair for pair in parse_qsl(query) if pair[0] != "token"])
        path = "/" + scope["path"].lstrip("/\\")
        response = RedirectResponse(f"{path}?{rest}" if rest else path, 303, {"cache-control": "no-store"})
        response.set_cookie(
            COOKIE,
            make_cookie(self.secret, user_id),
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="lax",
            secure=scope["scheme"] == "https",
        )
        return response

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        return send_with_headers


def cookie_of(header: str) -> str | None:
    """The sign-in cookie in a Cookie header, None when absent."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel else None
