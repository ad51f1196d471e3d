"""The page of the API: drawn from ``openapi.json`` by a few lines of our own, so that no request leaves the machine."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import HTMLResponse

router = APIRouter()


@router.get("/docs", include_in_schema=False)
def page() -> HTMLResponse:
    """Every call with its parameters, body and answers."""
    return HTMLResponse(_html())


@cache
def _html() -> str:
    return (Path(__file__).parent / "html" / "docs.html").read_text("utf-8")
