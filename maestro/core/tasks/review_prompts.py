"""What an agent is told of a review: each comment with its file, its line and the code around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from maestro.core.kernel.text import clip
from maestro.db.after import ReviewComment

#: Lines above and below the one that a comment is about.
AROUND = 6
_CODE_CHARS = 6000
_TICKS = re.compile(r"`{3,}")


def review_description(comments: Sequence[ReviewComment], message: str) -> str:
    """The description of the task that a review becomes."""
    parts = [
        "The work of this session is done and its checks passed. The user has read it and wants changes. Do what is asked "
        "here, on top of what is there, and nothing else; add or change tests where behavior changes."
    ]
    if message:
        parts.append(f"## From the user\n{message}")
    parts += [_comment(number, comment) for number, comment in enumerate(comments, 1)]
    if comments:
        parts.append("Line numbers are those of the code as shown here. Handle every comment.")
    return "\n\n".join(parts)


def place_of(comment: ReviewComment) -> str:
    """What a comment is about, in words."""
    if comment.path and comment.line:
        return f"{comment.path}, line {comment.line}{' (before the change)' if comment.side == 'old' else ''}"
    if comment.path:
        return comment.path
    return f"the check `{comment.check}`" if comment.check else "all changes"


def lines_of(text: str) -> list[str]:
    """The lines as git counts them: a form feed or an exotic separator ends none."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def excerpt(text: str, line: int) -> str:
    """The lines around a line (from 1), numbered, the line itself marked."""
    lines = lines_of(text)
    first, last = max(1, line - AROUND), min(len(lines), line + AROUND)
    wide = len(str(last))
    return "\n".join(f"{'>' if n == line else ' '} {n:>{wide}} | {lines[n - 1][:300]}" for n in range(first, last + 1))


def _comment(number: int, comment: ReviewComment) -> str:
    parts = [f"## Comment {number}: {place_of(comment)}"]
    if comment.code:
        code = clip(comment.code, _CODE_CHARS)
        fence = "`" * max(3, *(len(run) + 1 for run in _TICKS.findall(code)), 3)
        parts.append(f"{fence}\n{code}\n{fence}")
    parts.append(comment.body)
    return "\n\n".join(parts)
