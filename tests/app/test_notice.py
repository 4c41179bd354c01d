"""Pages where no page of the studio can be."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from app.gate import Gate
from app.notice import PAGES, UnknownPages, closed

ROUTER = Path(__file__).parents[2] / "app" / "streamlit_app.py"
EVERYTHING = UnknownPages(PlainTextResponse("the app"))


@dataclass
class Answer:
    """What an app answered."""

    status: int
    headers: dict[str, str]
    text: str


def ask(app: ASGIApp, path: str, accept: str = "text/html,*/*", query: str = "") -> Answer:
    """One GET request."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    headers = [(b"host", b"localhost"), (b"accept", accept.encode())]
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": headers,
    }
    asyncio.run(app(scope, receive, send))
    first = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], first, b"".join(part["body"] for part in sent[1:]).decode())


def test_the_pages_are_those_of_the_router():
    assert set(re.findall(r'url_path="(\w+)"', ROUTER.read_text())) == set(PAGES)


@pytest.mark.parametrize("path", ["/nosuch", "/Reviews/", "/<script>"])
def test_an_unknown_page_is_said_and_leads_back(path):
    answer = ask(EVERYTHING, path)
    assert answer.status == 404
    assert "There is no such page" in answer.text
    assert 'href="/review"' in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("path", ["/", "/review", "/browse/", "/_stcore/health", "/media/x.csv", "/x.mp4"])
def test_what_exists_is_let_through(path):
    assert ask(EVERYTHING, path).text == "the app"
    assert ask(EVERYTHING, "/nosuch", accept="*/*").text == "the app"  # not asked for as a page


def test_a_database_out_of_reach_is_said_by_the_gate():
    def away(token: Any) -> int:
        raise OSError("connection refused")

    gate = Gate(
        PlainTextResponse("the app"),
        secret=b"s",
        user_of_token=away,
        is_current=bool,
        hosts=["*"],
        sign_in_page="",
        policy="p",
    )
    page = ask(gate, "/", query="token=x")
    assert (page.status, page.headers["content-security-policy"]) == (503, "p")
    assert "The database does not answer" in page.text
    assert "connection refused" not in page.text
    assert ask(gate, "/", accept="image/*", query="token=x").status == 503


def test_a_project_that_cannot_be_opened_says_the_command():
    page = ask(closed("Schema 3. Stop the studio and run: python -m app upgrade --project DIR"), "/review")
    assert page.status == 503
    assert "<code>python -m app upgrade --project DIR</code>" in page.text
