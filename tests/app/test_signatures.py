"""Cookies and clip addresses can't be forged, altered, or outlive their time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media import is_media_address, media_address, media_file
from app.settings import load
from app.signatures import COOKIE_SECONDS, make_cookie, read_cookie

SECRET = bytes(range(32))


def test_a_cookie_names_its_user_until_it_ends():
    cookie = make_cookie(SECRET, 7, now=1000)
    assert read_cookie(SECRET, cookie, now=1000 + COOKIE_SECONDS) == 7
    assert read_cookie(SECRET, cookie, now=1001 + COOKIE_SECONDS) is None


def test_a_cookie_of_another_secret_names_nobody():
    assert read_cookie(b"x" * 32, make_cookie(SECRET, 7)) is None


@given(place=st.integers(0, 200), letter=st.characters(codec="utf-8"))
def test_no_altered_cookie_names_anybody(place, letter):
    cookie = make_cookie(SECRET, 7, now=1000)
    place %= len(cookie)
    altered = cookie[:place] + letter + cookie[place + 1 :]
    assert altered == cookie or read_cookie(SECRET, altered, now=1000) is None


@given(st.text())
def test_no_text_is_taken_for_a_cookie(text):
    assert read_cookie(SECRET, text, now=0) is None


def test_an_address_is_good_for_its_clip_kind_and_file_only():
    address = media_address(SECRET, 3, "sprite", "a" * 64)
    signature = address.rpartition("s=")[2]
    assert is_media_address(SECRET, signature, 3, "sprite", "a" * 64)
    for parts in ((4, "sprite", "a" * 64), (3, "thumb", "a" * 64), (3, "sprite", "b" * 64)):
        assert not is_media_address(SECRET, signature, *parts)


def test_there_are_three_kinds_of_media():
    with pytest.raises(ValueError, match="sprite, thumb, video"):
        media_address(SECRET, 3, "secret", "a" * 64)


@given(st.text() | st.from_regex(r"[./0-9a-f]{1,80}", fullmatch=True))
def test_no_name_leads_out_of_the_project(tmp_path_factory, name):
    settings = load(tmp_path_factory.getbasetemp() / "project", {})
    assert media_file(settings, "sprite", name) is None


def test_a_link_that_points_out_of_the_project_is_not_followed(tmp_path):
    settings = load(tmp_path / "project", {})
    folder = settings.media / "aa"
    folder.mkdir(parents=True)
    (tmp_path / "outside").write_bytes(b"secret")
    (folder / f"{'a' * 64}.sprite.webp").symlink_to(tmp_path / "outside")
    assert media_file(settings, "sprite", "a" * 64) is None
    (folder / f"{'aa' + 'b' * 62}.sprite.webp").write_bytes(b"picture")
    assert media_file(settings, "sprite", "aa" + "b" * 62) is not None
