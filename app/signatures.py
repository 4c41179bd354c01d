"""Signatures with the project's secret, and the cookie that says who somebody is."""

import hmac
import time

COOKIE = "finepseudo"
COOKIE_SECONDS = 90 * 24 * 3600


def sign(secret: bytes, *parts: str | int) -> str:
    """HMAC-SHA256 over the parts, as 64 hexadecimal digits; no part may hold a line break."""
    return hmac.digest(secret, "\n".join(map(str, parts)).encode(), "sha256").hex()


def is_signed(secret: bytes, signature: str, *parts: str | int) -> bool:
    """True when `signature` was made from these parts, in constant time."""
    return hmac.compare_digest(sign(secret, *parts).encode(), signature.encode("utf-8", "replace"))


def make_cookie(secret: bytes, user_id: int, now: float | None = None) -> str:
    """Value of the sign-in cookie of a user: id, end of validity, signature."""
    ends = int((time.time() if now is None else now) + COOKIE_SECONDS)
    return f"{user_id}.{ends}.{sign(secret, 'user', user_id, ends)}"


def read_cookie(secret: bytes, value: str | None, now: float | None = None) -> int | None:
    """The user id of a valid sign-in cookie, None for an absent, altered or outdated one."""
    user_id, _, rest = (value or "").partition(".")
    ends, _, signature = rest.partition(".")
    if not (user_id.isdecimal() and user_id.isascii() and ends.isdecimal() and ends.isascii()):
        return None
    if int(ends) < (time.time() if now is None else now):
        return None
    return int(user_id) if is_signed(secret, signature, "user", user_id, ends) else None
