"""The sign-in page: a small page of our own, complete in itself, for a browser without the cookie."""

from __future__ import annotations

import asyncio
import html
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, quote

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from maestro.api.access import Access
from maestro.errors import MaestroError, TooLarge, Unauthorized

PATH = "/signin"

_FORM_LIMIT_BYTES = 10_000
_FORM_S = 10
#: Small pages of our own, complete in themselves; their scripts and styles stand in them.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


async def answer(scope: Scope, receive: Receive, access: Access) -> Response:
    """``GET`` shows the page, ``POST`` with the right token sets the cookie and goes on."""
    if scope["method"] in {"GET", "HEAD"}:
        return page()
    if scope["method"] != "POST":
        return Response(status_code=405, headers={"Allow": "GET, HEAD, POST"})
    try:
        form = parse_qs((await _body(receive)).decode("utf-8", errors="replace"))
    except TimeoutError:
        return Response(status_code=408, headers={"Connection": "close"})
    target = safe_target(form.get("next", ["/"])[0])
    if access.token_is_right(form.get("token", [""])[0].strip()):
        return access.hand_over(RedirectResponse(target, status_code=303))
    return page(target=target, wrong=True, status=401)


def page(*, target: str = "/", wrong: bool = False, status: int = 200) -> Response:
    """The page that asks for the token."""
    notice = (
        '<p class="wrong" role="alert">Wrong token. Copy it from the terminal where Maestro runs.</p>' if wrong else ""
    )
    text = _template("signin.html").replace("{{next}}", html.escape(safe_target(target)))
    headers = {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "same-origin",
    }  # under “no-referrer” a browser posts the form with “Origin: null”
    if status == Unauthorized.status:
        headers["WWW-Authenticate"] = "Bearer"
    return HTMLResponse(text.replace("{{notice}}", notice), status_code=status, headers=headers)


def refusal_page(error: MaestroError, target: str) -> Response:
    """A refusal for people: what happened, and a link that starts afresh from a page of ours."""
    text = _template("refused.html").replace("{{title}}", html.escape(error.title))
    way_on = error.extra.get("url") or safe_target(target)
    text = text.replace("{{detail}}", html.escape(error.detail)).replace("{{next}}", html.escape(way_on))
    return HTMLResponse(text, status_code=error.status, headers={"Content-Security-Policy": POLICY})


def moving_on(target: str) -> Response:
    """A page whose only purpose is to go on to ``target``."""
    address = html.escape(target)
    return HTMLResponse(
        f'<!doctype html><meta charset="utf-8"><title>Maestro</title><link rel="icon" href="data:,">'
        f'<meta http-equiv="refresh" content="0;url={address}"><a href="{address}">Continue to Maestro</a>',
        headers={"Content-Security-Policy": POLICY},
    )


def safe_target(target: str) -> str:
    """A path on this host; whatever could lead elsewhere becomes the dashboard."""
    if not target.startswith("/") or target.startswith("//") or "\\" in target or target.startswith(PATH):
        return "/"
    return quote(target, safe="/?&=%:@!$'()*+,;~-._")


async def _body(receive: Receive) -> bytes:
    async with asyncio.timeout(_FORM_S):  # who has no token may not keep a connection open
        return await _whole_body(receive)


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _FORM_LIMIT_BYTES:
            raise TooLarge("This is too long for a token.")
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)


@cache
def _template(name: str) -> str:
    return (Path(__file__).parent / "html" / name).read_text("utf-8")
