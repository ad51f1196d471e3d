"""A run that ends with a question, or that rightly changes nothing: the user answers, and no attempt is burnt."""

from __future__ import annotations

import re

from maestro.core.approvals.question import AS_BEFORE, Question
from maestro.core.integration.hooks import HookContext
from maestro.core.kernel.text import clip
from maestro.core.proving.findings import Finding
from maestro.core.tasks import prompts
from maestro.worktrees import integration

_WORDS = 6000
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
#: A question at the end of a line; what is answered in the same breath is none.
_ASKS = re.compile(r"[?？؟][\"'”’»)*_\]]*\s*$", re.MULTILINE)
#: The same without a question mark at the end of a line: the run stops until the user has said something.
_WAITS = re.compile(
    r"\b(?:please|kindly) (?:tell|confirm|clarify|advise|choose|pick|specify|provide|decide|answer|reply|let me know)\b"
    r"|\blet me know (?:which|what|whether|how you|and i\b)"
    r"|\bi(?: will|'ll|’ll)? (?:need|require) (?:to know|your|you to|clarification|a decision)\b"
    r"|\b(?:await|awaiting|waiting for|wait for) your\b"
    r"|\b(?:could|can|would) you (?:please )?(?:clarify|confirm|tell me|specify|provide|decide)\b"
    r"|\b(?:before|until) i (?:can )?(?:continue|proceed|go on|start|begin)\b",
    re.IGNORECASE,
)
#: What is said out of politeness when the work is done.
_POLITE = re.compile(
    r"\b(would you like|do you want me|want me to|shall i|should i also|anything else|let me know|can i help|may i)\b",
    re.IGNORECASE,
)
#: Paragraphs at the end in which a question counts: options may be listed behind it.
_LAST = 3


def asks(text: str) -> bool:
    """Whether an agent's last words end with a question to the user."""
    paragraphs = [p for p in re.split(r"\n\s*\n", _CODE.sub("", text)) if p.strip()]
    return any(_ASKS.search(p) for p in paragraphs[-_LAST:]) or any(_WAITS.search(p) for p in paragraphs[-1:])


def it_asks_instead(landing: HookContext) -> Question | None:
    """Nothing was changed and the run ends with a question: its answer is what the task needs."""
    if changed(landing) or not asks(_last_words(landing)):
        return None
    return _question(landing, "")


def judged(landing: HookContext, answer: Finding | Question | None) -> Finding | Question | None:
    """What the checks said (None: they pass), seen with how the run ended."""
    if changed(landing):
        words = _last_words(landing)
        paragraph = re.split(r"\n\s*\n", words.strip())[-1]
        if isinstance(answer, Finding) and asks(words) and not _POLITE.search(paragraph):
            return _question(landing, answer.reason)
        return answer
    if isinstance(answer, Question) and answer.detail.get("what") != AS_BEFORE:
        return answer
    if answer is not None:
        return Finding(
            "The agent stopped without changing anything.", prompts.nothing_changed_prompt(_last_words(landing))
        )
    return None if landing.head in landing.accepted("nothing_changed") else _already_done(landing)


def changed(landing: HookContext) -> bool:
    """Whether the work differs from where the task began."""
    return bool(integration.diff_summary(landing.repo, landing.start, landing.head).files)


def _already_done(landing: HookContext) -> Question:
    task = landing.task
    proof = "Its checks already pass." if landing.checks else "It has no checks."
    detail = {
        "reason": f"The agent stopped without changing anything. {proof}",
        "words": _last_words(landing),
        "allow": "accept the task as done",
        "deny": "send it back to the agent with your message",
    }
    title = f"{task.key} changed nothing. Is it already done?"
    return Question("nothing_changed", title, [landing.head], "", detail)


def _question(landing: HookContext, finding: str) -> Question:
    detail = {
        "reason": finding,
        "words": _last_words(landing),
        "allow": "your message is the answer; the agent continues with it",
        "deny": "let the agent decide",
    }
    title = f"{landing.task.key} has a question: {landing.task.title}"
    return Question("agent_question", title, [landing.head], "", detail)


def _last_words(landing: HookContext) -> str:
    return clip(str(landing.result.get("message") or ""), _WORDS)
