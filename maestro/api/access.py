"""What opens the door: the access token, the cookie made from it, and tickets for one use."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

_COOKIE_SECONDS = 30 * 24 * 3600
_TICKET_SECONDS = 60


@dataclass
class Access:
    """The token, and what else opens the door: the cookie made from it and tickets for one use."""

    token: str
    port: int
    _tickets: dict[bytes, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cookie_name(self) -> str:
        """Named with the port, so that two Maestros on one host do not sign each other out."""
        return f"maestro_{self.port}"

    @property
    def cookie_value(self) -> str:
        """Made from the token, so that who gets to see a cookie does not learn the token."""
        return hmac.new(self.token.encode(), b"maestro browser cookie", hashlib.sha256).hexdigest()

    def ticket(self) -> str:
        """A key that works once and for a minute: for the browser's command line, which others can read."""
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._tickets[_digest(ticket)] = time.monotonic() + _TICKET_SECONDS
        return ticket

    def address(self, url: str, key: str | None = None) -> str:
        """The address that signs a browser in, with the token or another key."""
        return f"{url}/?token={quote(key or self.token, safe='')}"

    def token_is_right(self, given: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(_digest(given), _digest(self.token))

    def opens(self, given: str) -> bool:
        """Whether this is the token or an unused ticket; uses the ticket up."""
        with self._lock:
            until = self._tickets.pop(_digest(given), 0.0)
        return until > time.monotonic() or self.token_is_right(given)

    def admits(self, headers: Headers) -> bool:
        """Whether a request carries the token (programs) or the cookie (browsers)."""
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.token_is_right(credentials.strip()):
            return True
        cookies = cookie_parser(headers.get("cookie", ""))
        return hmac.compare_digest(_digest(cookies.get(self.cookie_name, "")), _digest(self.cookie_value))

    def hand_over(self, response: Response) -> Response:
        """Give the browser its cookie."""
        response.set_cookie(
            self.cookie_name, self.cookie_value, max_age=_COOKIE_SECONDS, httponly=True, samesite="strict", path="/"
        )
        return response


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).digest()
