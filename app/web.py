"""The web process: Streamlit as an ASGI app behind the gate, and the signed routes of clips.

Started from the repository's folder with `command(settings, address, port)`, which is
`python -m app.web --project DIR --address 127.0.0.1 --port 8501`.
It answers `/_stcore/health` with 200 as soon as it serves; SIGTERM ends it.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import settings as project_settings
from app.media import is_embedding_address, is_media_address, media_file
from app.settings import Settings
from db.migrate import SchemaError
from finepseudo_core.errors import ConfigError, FinePseudoError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from streamlit.starlette import App

    from app.services.studio import Studio

FOLDER = Path(__file__).parent
LARGEST_REQUEST = 100_000  # bytes
PICTURE_SECONDS = 20.0  # that a browser waits for pictures the worker makes
NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 120">'
    '<rect width="160" height="120" fill="#8a9a9f" fill-opacity=".18"/>'
    '<text x="80" y="64" text-anchor="middle" font-family="sans-serif" font-size="12" fill="#7b8b90">'
    "no picture</text></svg>"
)
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def command(settings: Settings, address: str, port: int) -> list[str]:
    """What a supervisor runs, in the repository's folder, to serve a project."""
    return [
        sys.executable,
        "-m",
        "app.web",
        "--project",
        str(settings.project),
        "--address",
        address,
        "--port",
        str(port),
    ]


def streamlit_options(address: str, port: int, hosts: Collection[str]) -> dict[str, Any]:
    """Options that must hold whatever a config file says."""
    return {
        "server.address": address,
        "server.port": port,
        "server.headless": True,
        "server.allowedHosts": list(hosts),
        "server.fileWatcherType": "none",
        "server.enableStaticServing": False,
        "server.enableXsrfProtection": True,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "runner.magicEnabled": False,
        "runner.postScriptGC": False,  # a full collection after each run made a click take seconds
    }


async def picture_response(studio: "Studio", request: "Request", kind: str) -> "Response":
    """A clip's sprite or thumbnail for a signed address. Where it had to make room, the worker is asked for
    it and the answer waits; 404 where it can't be had."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import FileResponse, PlainTextResponse, Response

    from app.services import pictures

    sha256, signature = request.query_params.get("v", ""), request.query_params.get("s", "")
    if not is_media_address(studio.secret, signature, request.path_params["clip_id"], kind, sha256):
        return PlainTextResponse("Not found.", 404)
    path = media_file(studio.settings, kind, sha256)
    end = time.monotonic() + PICTURE_SECONDS
    if path is None and await run_in_threadpool(pictures.ask, studio, sha256):
        while path is None and time.monotonic() < end and pictures.is_wanted(studio.settings, sha256):
            await asyncio.sleep(0.2)
            path = media_file(studio.settings, kind, sha256)
        path = media_file(studio.settings, kind, sha256)
    if path is not None:
        pictures.note_use(path)
        return FileResponse(path, headers={"cache-control": "private, max-age=31536000, immutable"})
    if kind == "thumb":  # browsers draw it in the place of the picture
        return Response(NO_PICTURE, 404, {"cache-control": "no-store"}, "image/svg+xml")
    return PlainTextResponse("Not found.", 404, {"cache-control": "no-store"})


def clip_response(studio: "Studio", request: "Request", kind: str = "video") -> "Response":
    """A clip's video for a signed address; 404 for every other."""
    from starlette.responses import FileResponse, PlainTextResponse

    sha256, signature = request.query_params.get("v", ""), request.query_params.get("s", "")
    signed = is_media_address(studio.secret, signature, request.path_params["clip_id"], kind, sha256)
    path = media_file(studio.settings, kind, sha256) if signed else None
    if path is None:
        return PlainTextResponse("Not found.", 404)
    return FileResponse(path, headers={"cache-control": "private, max-age=31536000, immutable"})


def snapshot_response(studio: "Studio", request: "Request") -> "Response":
    """A snapshot for an admin's signed address; 404 for every other."""
    from starlette.responses import FileResponse, PlainTextResponse

    from app.services import snapshots

    name, asked = request.path_params["name"], request.query_params
    path = snapshots.addressed(studio, name, asked.get("u", ""), asked.get("s", ""))
    if path is None:
        return PlainTextResponse("Not found.", 404)
    return FileResponse(
        path, media_type="application/x-tar", filename=name, headers={"cache-control": "no-store"}
    )


def backup_response(studio: "Studio", request: "Request") -> "Response":
    """A backup of the database for an admin's signed address; 404 for every other."""
    from starlette.responses import FileResponse, PlainTextResponse

    from app.services import backups

    name, asked = request.path_params["name"], request.query_params
    path = backups.addressed(studio, name, asked.get("u", ""), asked.get("s", ""))
    if path is None:
        return PlainTextResponse("Not found.", 404)
    return FileResponse(path, filename=name, headers={"cache-control": "no-store"})


def embedding_response(studio: "Studio", request: "Request") -> "Response":
    """A clip's frame embeddings for a signed address; 404 for every other."""
    from starlette.responses import PlainTextResponse, Response

    from app.services.embeddings import embedding

    asked = tuple(request.path_params[name] for name in ("number", "iteration", "clip_id"))
    signed = is_embedding_address(studio.secret, request.query_params.get("s", ""), *asked)
    content = embedding(studio, *asked) if signed else None
    if content is None:
        return PlainTextResponse("Not found.", 404)
    headers = {"cache-control": "private, max-age=31536000, immutable"}
    return Response(content, media_type="application/octet-stream", headers=headers)


async def pair_video_response(studio: "Studio", request: "Request") -> "Response":
    """Two clips side by side as an mp4; 400 with the reason where it can't be made."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import PlainTextResponse, Response

    from app import pair_video

    if int(request.headers.get("content-length") or LARGEST_REQUEST + 1) > LARGEST_REQUEST:
        return PlainTextResponse("Too long.", 413)
    try:
        asked = await request.json()
        video = await run_in_threadpool(pair_video.read_request, studio, asked)
        content = await run_in_threadpool(pair_video.make, video)
    except (ValueError, FinePseudoError) as error:
        return PlainTextResponse(str(error), 400)
    return Response(content, media_type="video/mp4", headers={"cache-control": "no-store"})


@asynccontextmanager
async def checked_options(app: "App") -> AsyncIterator[None]:
    """Refuse to serve with an option that would make every click take seconds."""
    from streamlit import config

    if config.get_option("runner.postScriptGC"):
        raise ConfigError(
            "runner.postScriptGC is on. Start the pages with python -m app.web, which sets it off."
        )
    yield


def create_app(settings: Settings, hosts: Collection[str] = LOCAL_HOSTS) -> "App":
    """The ASGI app of a project.

    Raises:
        StudioError: there is no project in that folder.
        SchemaError: the database needs an upgrade.
    """
    import streamlit
    from starlette.middleware import Middleware
    from starlette.routing import Route
    from streamlit.starlette import App

    from app.gate import Gate, content_security_policy
    from app.notice import UnknownPages
    from app.services import users
    from app.services.studio import open_studio
    from app.views.failures import explain

    studio = open_studio(settings)
    page = Path(streamlit.__file__).parent / "static" / "index.html"

    def user_of_token(token: str) -> int | None:
        user = users.sign_in(studio, token)
        return user.id if user else None

    async def sprite(request: "Request") -> "Response":
        return await picture_response(studio, request, "sprite")

    async def thumbnail(request: "Request") -> "Response":
        return await picture_response(studio, request, "thumb")

    def video(request: "Request") -> "Response":
        return clip_response(studio, request)

    def embeddings(request: "Request") -> "Response":
        return embedding_response(studio, request)

    def snapshot(request: "Request") -> "Response":
        return snapshot_response(studio, request)

    def backup(request: "Request") -> "Response":
        return backup_response(studio, request)

    async def pair_video(request: "Request") -> "Response":
        return await pair_video_response(studio, request)

    return App(
        FOLDER / "streamlit_app.py",
        on_script_error=explain,
        lifespan=checked_options,
        routes=[
            Route("/clips/{clip_id:int}/sprite.webp", sprite),
            Route("/clips/{clip_id:int}/thumb.webp", thumbnail),
            Route("/clips/{clip_id:int}/video.mp4", video),
            Route("/rounds/{number:int}/{iteration:int}/{clip_id:int}.f16", embeddings),
            Route("/snapshots/{name}", snapshot),
            Route("/backups/{name}", backup),
            Route("/compare/video.mp4", pair_video, methods=["POST"]),
        ],
        middleware=[
            Middleware(
                Gate,
                secret=studio.secret,
                user_of_token=user_of_token,
                is_current=lambda user_id: users.get(studio, user_id) is not None,
                hosts=hosts,
                sign_in_page=(FOLDER / "sign_in.html").read_text(encoding="utf-8"),
                policy=content_security_policy(page.read_text(encoding="utf-8")),
            ),
            Middleware(UnknownPages),
        ],
    )


def main(arguments: list[str] | None = None) -> None:
    """Serve a project until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m app.web", description="Serve a project's web pages.")
    parser.add_argument("--project", type=Path)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--host", action="append", default=[], help="a further host name people ask for")
    chosen = parser.parse_args(arguments)
    settings = project_settings.load(chosen.project)
    os.environ["FINEPSEUDO_PROJECT"] = str(settings.project)  # pages load the same settings
    hosts = {*LOCAL_HOSTS, chosen.address, *chosen.host}
    try:
        app = create_app(settings, hosts)
    except (FinePseudoError, SchemaError) as error:
        sys.stderr.write(f"{error}\n")
        # strangers may read this: where the project lies is not for them
        serve_closed(str(error).replace(str(settings.project), "DIR"), chosen.address, chosen.port)
        return
    app.run(config=streamlit_options(chosen.address, chosen.port, sorted(hosts)))


def serve_closed(reason: str, address: str, port: int) -> None:
    """Say to everybody who comes why the project can't be opened, until told to stop."""
    import uvicorn

    from app.notice import closed

    uvicorn.run(closed(reason), host=address, port=port, log_level="warning")


if __name__ == "__main__":
    main()
