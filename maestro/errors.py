"""Every error Maestro raises on purpose, as one tree.

Each class owns the sentence a user reads (``title`` plus the ``detail`` given at the raise) and the
HTTP status it becomes. The REST API turns them into RFC 9457 problem documents, the pages into
notices, the CLI into one line on stderr.

MaestroError
├── NotFound                404  no such thing
├── NotAllowed              409  not in this state; names the state and the allowed events
├── Conflict                409  the world outside says no (a dirty checkout, a moved branch…)
├── InvalidInput            422  names each field that is wrong
├── TooLarge                413
├── Unauthorized            401
├── ForeignOrigin           403
├── UnknownHost             421
├── Unavailable             503  something Maestro needs is not there (disk, database, assistant)
│   ├── CutShort            503  a move of files that could be neither finished nor put back
│   └── AssistantError      503  the model or its endpoint refused or broke off
└── GitError                500  git failed where it should not have
"""

from __future__ import annotations

from typing import Any


class MaestroError(Exception):
    """Base of all errors Maestro raises on purpose.

    ``detail`` says what happened and what to do next; ``extra`` holds further members of the problem
    document (RFC 9457, section 3.2).
    """

    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class NotFound(MaestroError):
    """The thing asked for does not exist."""

    status = 404
    title = "Not found"


class NotAllowed(MaestroError):
    """The state machine refuses; ``state`` and ``allowed`` (events) tell what is possible."""

    status = 409
    title = "Not possible now"

    def __init__(self, detail: str, *, state: str, allowed: list[str]) -> None:
        super().__init__(detail, state=state, allowed=allowed)
        self.state = state
        self.allowed = allowed


class Conflict(MaestroError):
    """The world outside the database says no: a dirty checkout, a branch that moved, a held lock."""

    status = 409
    title = "Conflict"


class OverBudget(MaestroError):
    """The money or tokens of the session or of the day are used up; the detail says how to go on."""

    status = 409
    title = "The budget is used up"


class InvalidInput(MaestroError):
    """Input from outside is wrong. ``fields`` maps a field's path (``tasks.2.title``) to the reason."""

    status = 422
    title = "Invalid input"

    def __init__(self, detail: str, fields: dict[str, str] | None = None, **extra: Any) -> None:
        self.fields = fields or {}
        super().__init__(detail, fields=self.fields, **extra)


class TooLarge(MaestroError):
    """A request body over the limit."""

    status = 413
    title = "Too large"


class Unauthorized(MaestroError):
    """No token, or a wrong one."""

    status = 401
    title = "Sign in first"


class ForeignOrigin(MaestroError):
    """A page of another origin tried to talk to Maestro."""

    status = 403
    title = "Request from another site"


class UnknownHost(MaestroError):
    """The Host header names no host that Maestro serves (DNS rebinding looks like this)."""

    status = 421
    title = "Unknown host"


class Unavailable(MaestroError):
    """Something Maestro needs is not there right now."""

    status = 503
    title = "Not available"


class SetupFailed(Unavailable):
    """A set-up command of a worktree failed: the surroundings are at fault, not the work."""

    title = "The worktree could not be set up"


class CutShort(Unavailable):
    """A move of a user's files broke off and could not be put back (a full disk, say): it is to be finished."""

    title = "Partly done"


class AssistantError(Unavailable):
    """The model or its endpoint refused, broke off, or is not configured.

    ``kind`` is one of ``auth, model, refused, rate_limit, overloaded, network, protocol, none``.
    """

    title = "The assistant could not answer"

    def __init__(self, detail: str, *, kind: str = "network") -> None:
        super().__init__(detail, kind=kind)
        self.kind = kind


class GitError(MaestroError):
    """git failed where it should not have; ``detail`` ends with git's own words."""

    title = "git failed"


class BranchGone(GitError):
    """A branch of Maestro's own was deleted underneath; ``detail`` says how it comes back."""
