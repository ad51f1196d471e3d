"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse

from maestro.errors import MaestroError

MEDIA_TYPE = "application/problem+json"


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = MEDIA_TYPE


def problem(status: int, title: str, detail: str, kind: str = "about:blank", **extra: Any) -> ProblemResponse:
    """A problem document with further members."""
    body = {"type": kind, "title": title, "status": status, "detail": detail}
    return ProblemResponse(extra | body, status_code=status)


def problem_of(error: MaestroError) -> ProblemResponse:
    """The problem document of an error raised on purpose."""
    return problem(error.status, error.title, error.detail, kind(error), **error.extra)


def kind(error: MaestroError) -> str:
    """A stable name for the kind of error: ``urn:maestro:not-allowed``."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
    return f"urn:maestro:{words}"
