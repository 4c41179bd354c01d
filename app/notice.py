"""Pages that are shown where no page of the studio can be: an unknown address, a database out of reach."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

PAGES = (
    "review", "compare", "browse", "classes", "rounds", "evaluation", "quality", "transfer", "admin",
)  # fmt: skip


def notice(title: str, words: Sequence[str], links: Mapping[str, str], status: int) -> Response:
    """A small page of its own: paragraphs, a command where one begins with "$ ", and links by their name, the
    first one as the button."""
    paragraphs = [
        f"<code>{escape(text[2:])}</code>" if text.startswith("$ ") else f"<p>{escape(text)}</p>"
        for text in words
    ]
    anchors = [f'<a href="{escape(to, quote=True)}">{escape(name)}</a>' for name, to in links.items()]
    content = _template().substitute(
        title=escape(title), words="\n  ".join(paragraphs), links="".join(anchors)
    )
    return HTMLResponse(content, status, {"cache-control": "no-store"})


def unavailable(scope: Scope) -> Response:
    """What a request gets while the database can't be asked who is there."""
    if not _wants_page(scope):
        return PlainTextResponse("The database does not answer just now.", 503, {"retry-after": "5"})
    path = "/" + scope["path"].lstrip("/\\")
    return notice(
        "The database does not answer",
        (
            "The studio runs, but its database can't be reached just now. Nothing is lost: verdicts that are "
            "not saved yet wait in your browser.",
            "Try again in a moment. If it stays so, whoever runs the studio finds the reason with:",
            "$ python -m app doctor --project DIR",
        ),
        {"Try again": path},
        503,
    )


def closed(reason: str) -> ASGIApp:
    """An app that answers everything with why the project can't be opened, and the command that helps."""
    sentence, command, rest = reason.partition("python -m app ")
    words = [sentence.strip(), f"$ {command}{rest}"] if command else [sentence]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013, "reason": "the project is closed"})
        else:
            page = notice("This project can't be opened yet", words, {"Try again": "/"}, 503)
            await page(scope, receive, send)

    return answer


class UnknownPages:
    """Answers the address of a page that does not exist, which Streamlit would cover with a dialog.

    Args:
        app: what lies behind.
        pages: the pages there are, by the first part of their address.
    """

    def __init__(self, app: ASGIApp, pages: Collection[str] = PAGES) -> None:
        self.app, self.pages = app, frozenset(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let every request through that is not for a page, or for one that exists."""
        if scope["type"] == "http" and _wants_page(scope):
            name = scope["path"].strip("/")
            if name and "/" not in name and "." not in name and name not in self.pages:
                return await _unknown(name)(scope, receive, send)
        return await self.app(scope, receive, send)


def _unknown(name: str) -> Response:
    shown = name if len(name) <= 60 else f"{name[:60]}…"
    links = {"Today": "/", "Review": "/review", "Browse": "/browse", "Rounds": "/rounds"}
    words = (f"The studio has no page “{shown}”. The link may come from another version, or be cut short.",)
    return notice("There is no such page", words, links, 404)


def _wants_page(scope: Scope) -> bool:
    return scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", "")


@cache
def _template() -> Template:
    return Template((Path(__file__).parent / "notice.html").read_text(encoding="utf-8"))
