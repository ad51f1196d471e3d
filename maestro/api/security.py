"""The door: one guard in front of pages, REST, both WebSockets and static files alike.

A pure ASGI application around the whole site, because middleware of the frameworks sees neither mounted
applications nor WebSockets. In turn: is the host ours, is the page that asks ours, does the caller have the
token. Cookies know no port, so what runs on another port of this machine is treated as a stranger.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maestro.api import body_limit, signin
from maestro.api.access import Access
from maestro.api.hosts import Served
from maestro.api.problems import problem_of
from maestro.errors import ForeignOrigin, InvalidInput, MaestroError, Unauthorized, UnknownHost

_OPEN_PATHS = frozenset({"/api/health", signin.PATH})
_WS_POLICY_VIOLATION = 1008


class Guard:
    """Lets in who has the token, on a host and from a page of ours; the rest never reaches ``app``."""

    def __init__(self, app: ASGIApp, *, access: Access, served: Served) -> None:
        self.app = app
        self.access = access
        self.served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request or WebSocket handshake."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        send = self._with_security_headers(scope, send)
        try:
            self._check_origin(scope)
            if scope["path"] == signin.PATH and scope["type"] == "http":
                answer: Response | None = await signin.answer(scope, receive, self.access)
            else:
                answer = self._ask_for_token(scope)
        except MaestroError as error:
            answer = _refusal(scope, error)
        if answer is not None:
            await _respond(answer, scope, receive, send)
        elif scope["type"] == "http":
            await body_limit.limited(self.app, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _check_origin(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        local = _local_address(scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.served.host_is_known(hosts[0], local):
            url = self.served.url
            raise UnknownHost(f"Maestro does not serve this host name. Open {url} instead.", url=url)
        if any(not self.served.origin_is_known(o, hosts[0]) for o in headers.getlist("origin")):
            raise ForeignOrigin("This request comes from a page that is not Maestro's own.")
        site = headers.get("sec-fetch-site", "none").lower()
        if site not in {"none", "same-origin"} and not self._may_arrive(scope, headers, site):
            raise ForeignOrigin("Another site sent you here. Open Maestro directly to continue.")
        _refuse_unreadable(scope)

    @staticmethod
    def _may_arrive(scope: Scope, headers: Headers, site: str) -> bool:
        """Links into Maestro: followed in a tab of their own, from a page of this machine or with the token."""
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "") in {"", "document"}
        return _is_get(scope) and followed and (site == "same-site" or _given_token(scope) is not None)

    def _ask_for_token(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        given = _given_token(scope)
        if given is not None and _is_get(scope):
            if not self.access.opens(given):
                raise Unauthorized("The token in this address is wrong or has been used. Enter the access token.")
            return self.access.hand_over(_onward(scope, headers))
        if scope["path"] in _OPEN_PATHS:
            scope["maestro.signed_in"] = self.access.admits(headers)
            return None
        if self.access.admits(headers):
            return None
        raise Unauthorized(
            "Send the access token: “Authorization: Bearer TOKEN”. It is in the address that Maestro printed at startup."
        )

    def _with_security_headers(self, scope: Scope, send: Send) -> Send:
        host = Headers(scope=scope).get("host", "")
        known = self.served.host_is_known(host, _local_address(scope))
        api = scope["path"] == "/api" or scope["path"].startswith("/api/")
        own = _PAGE_POLICY.format(websocket=f"ws://{host} wss://{host}" if known else "")
        policy = _DOCS_POLICY if scope["path"] == "/api/docs" else _DATA_POLICY if api else own

        async def secured(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", policy)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers.setdefault("Referrer-Policy", "no-referrer")
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                if api:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        return secured


def _refuse_unreadable(scope: Scope) -> None:
    """Raises InvalidInput for an address that no page and no call has: control characters, bytes that are no UTF-8."""
    query = scope["query_string"]
    if b"%00" in query or b"\x00" in query:
        raise InvalidInput("The address contains a NUL byte.", {"url": "must not contain NUL bytes"})
    if len(scope["path"]) > _LONGEST_PATH:
        raise InvalidInput("The address is too long.", {"url": "is too long"})
    if any(ord(c) < _BLANK or unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in scope["path"]):
        raise InvalidInput("The address contains a control character.", {"url": "must not contain control characters"})
    if "\N{REPLACEMENT CHARACTER}" in scope["path"]:
        raise InvalidInput("The address is not UTF-8.", {"url": "must be UTF-8"})


def _given_token(scope: Scope) -> str | None:
    return next((v for k, v in parse_qsl(scope["query_string"].decode("latin-1")) if k == "token"), None)


def _onward(scope: Scope, headers: Headers) -> Response:
    """The way to the same address without the token."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = urlencode([(k, v) for k, v in pairs if k != "token"], encoding="latin-1")
    target = signin.safe_target(scope["path"]) + (f"?{query}" if query else "")
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return RedirectResponse(target, status_code=303)
    # A strict cookie does not go along with a redirect that another site began; a page of ours begins anew.
    return signin.moving_on(target)


def _refusal(scope: Scope, error: MaestroError) -> Response:
    headers = Headers(scope=scope)
    wants_page = _is_get(scope) and "text/html" in headers.get("accept", "") and not scope["path"].startswith("/api/")
    if wants_page and isinstance(error, Unauthorized):
        return signin.page(target=scope["path"], wrong=_given_token(scope) is not None, status=401)
    if wants_page:
        return signin.refusal_page(error, target=scope["path"])
    response = problem_of(error)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def _respond(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # the connect message; refused before it is accepted
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": _WS_POLICY_VIOLATION})
            return
    await response(scope, receive, send)


def _local_address(scope: Scope) -> str | None:
    """The address of ours that the connection came in on."""
    return scope["server"][0] if scope.get("server") else None


def _is_get(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["method"] == "GET")


#: Nothing may be loaded from, or sent to, anywhere else: a picture in a model's markdown would carry words away.
#: Two exceptions, both NiceGUI's: 'unsafe-inline' (it writes each page's elements into a script of that page, and
#: styles of elements into the elements), and 'unsafe-eval' (Vue compiles the page's templates in the browser, and
#: NiceGUI runs the scripts that the server sends by evaluating them). What models write gets neither: see markdown.py.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' {websocket}; worker-src 'self' blob:; "
    "frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: Answers of the API are data.
_DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
#: The description of the API: one page, complete in itself, that reads openapi.json.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LONGEST_PATH = 2_000
_BLANK = 32
