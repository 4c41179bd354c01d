"""Nobody without a sign-in link gets anything; signed in, only what the project's own addresses name."""

import http.client
import socket
import urllib.error
import urllib.request

import pytest

from app.media import media_address
from app.services import datasets, users
from app.signatures import COOKIE, make_cookie

pytestmark = pytest.mark.browser


def answer(server, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of a plain request; redirects are not followed."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers=headers or {})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def signed_in(server) -> dict[str, str]:
    """Headers of the owner's browser."""
    return {"Cookie": f"{COOKIE}={make_cookie(server.project.studio.secret, server.project.owner_id)}"}


def websocket_status(server, headers: dict[str, str]) -> int:
    """Status that a websocket handshake is answered with."""
    lines = {
        "Host": f"127.0.0.1:{server.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        **headers,
    }
    request = "GET /_stcore/stream HTTP/1.1\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in lines.items()
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        link.sendall(f"{request}\r\n".encode())
        return int(link.recv(1024).split()[1])


def test_a_stranger_sees_only_how_to_sign_in(stranger, server):
    response = stranger.goto(server.address)
    assert response.status == 403
    assert stranger.get_by_role("heading", name="You need a sign-in link").is_visible()
    assert stranger.locator("script").count() == 0


def test_a_stranger_gets_no_page_no_script_no_clip(server):
    clip = datasets.clip(server.project.studio, server.project.proposed[0])
    address = media_address(server.project.studio.secret, clip.id, "sprite", clip.sha256)
    for path in ("/", "/review", "/_stcore/host-config", "/static/js/x.js", "/media/x", address):
        assert answer(server, path)[0] == 403, path


def test_a_stranger_gets_no_websocket(server):
    assert websocket_status(server, {}) == 403
    assert websocket_status(server, {"Cookie": f"{COOKIE}=1.9999999999.{'0' * 64}"}) == 403
    assert websocket_status(server, signed_in(server)) == 101


def test_other_host_names_are_not_served(server):
    assert answer(server, "/", {**signed_in(server), "Host": "evil.example"})[0] == 421
    assert websocket_status(server, {**signed_in(server), "Host": "evil.example"}) == 403


def test_a_wrong_token_opens_nothing(server):
    assert answer(server, "/?token=wrong")[0] == 403


def test_an_old_link_still_opens_for_somebody_who_is_signed_in(server):
    assert answer(server, "/?token=old", signed_in(server))[0] == 303


def test_metrics_and_the_agent_interface_are_closed(server):
    for path in ("/_stcore/metrics", "/_stcore/agent/openapi.json"):
        assert answer(server, path, signed_in(server))[0] == 404


def test_a_removed_person_is_turned_away(server):
    user, token = users.create(server.project.studio, "leaves soon")
    cookie = {"Cookie": f"{COOKIE}={make_cookie(server.project.studio.secret, user.id)}"}
    assert answer(server, "/", cookie)[0] == 200
    users.remove(server.project.studio, user.id)
    assert answer(server, "/", cookie)[0] == 403
    assert websocket_status(server, cookie) == 403
    assert answer(server, f"/?token={token}")[0] == 403


def test_a_person_removed_while_the_page_is_open_sees_nothing_more(sign_in, server):
    context = sign_in()
    page = context.new_page()
    page.goto(f"{server.address}/browse")
    page.get_by_text("of 252 clips").wait_for(timeout=30_000)
    users.remove(server.project.studio, context.reviewer_id)
    page.get_by_role("link", name="Rounds").click()
    page.get_by_text("You are not signed in any more").wait_for()
    assert page.get_by_text("Start a round").count() == 0


def test_a_clip_needs_its_own_signature(server):
    secret = server.project.studio.secret
    one, other = (datasets.clip(server.project.studio, clip_id) for clip_id in server.project.proposed[:2])
    address = media_address(secret, one.id, "sprite", one.sha256)
    status, body = answer(server, address, signed_in(server))
    assert (status, body[8:12]) == (200, b"WEBP")
    wrong = (
        address.replace(one.sha256, other.sha256),
        address.replace(f"/clips/{one.id}/", f"/clips/{other.id}/"),
        address.replace("sprite.webp", "thumb.webp"),
        address[:-1] + ("0" if address[-1] != "0" else "1"),
        address.split("&s=")[0],
    )
    for path in wrong:
        assert answer(server, path, signed_in(server))[0] == 404, path


@pytest.mark.parametrize(
    "path",
    [
        "/clips/1/..%2f..%2fsecret",
        "/clips/../secret",
        "/clips/1/%2e%2e/%2e%2e/studio.db",
        "/..%2fstudio.db",
        "/app/static/../../secret",
        "//etc/passwd",
        "/clips/1/sprite.webp?v=..%2f..%2fsecret&s=0",
    ],
)
def test_no_path_leads_out_of_the_project(server, path):
    status, body = answer(server, path, signed_in(server))
    assert server.project.studio.secret not in body
    assert not body.startswith((b"SQLite", b"root:"))
    assert status in (200, 400, 404)


def test_a_signed_address_of_another_kind_of_name_finds_no_file(server):
    address = media_address(server.project.studio.secret, 1, "sprite", "../../secret")
    assert answer(server, address, signed_in(server))[0] == 404


def test_every_answer_forbids_frames_and_foreign_scripts(server):
    with urllib.request.urlopen(f"{server.address}/_stcore/health", timeout=5) as response:
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-frame-options"] == "DENY"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(server.address, timeout=5)
    assert refused.value.headers["x-content-type-options"] == "nosniff"
    refused.value.close()
