"""The interview: at most five questions of the assistant, one at a time, each with options that are answered with one click.

A question stands in the message that asks it (``extras["question"]``): ``{text, options, recommended, kind, number, answer}``;
``recommended`` is an index; ``answer`` is ``{option, text, message_id}`` once there is one (``option`` None: in words), and
``answers`` are those of all branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from maestro.assistants.base import Tool, ToolFailed
from maestro.core.brainstorm.card_keeping import store_card
from maestro.core.brainstorm.idea_card import KINDS, CardDecision, kinds_read, lines_read, stored_card, words_read
from maestro.core.kernel.lookup import session_row
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.session import Transaction

MOST_QUESTIONS = 5
MOST_OPTIONS = 9  # keys 1 to 9
_MAX_QUESTION = 1_000
_MAX_OPTION = 200
#: Longer words do not fit on the card as they are.
_MAX_ANSWER = 300
#: Words that end so answer nothing.
_ASKS_BACK = ("?", "\N{FULLWIDTH QUESTION MARK}", "\N{ARABIC QUESTION MARK}")

ASKED = (
    f"The user sees question {{number}} of {MOST_QUESTIONS} with its options as buttons, below your words. "
    "End your reply now, without repeating it."
)
_SPENT = f"All {MOST_QUESTIONS} questions are used up. Decide what is left yourself, and say that it can be planned."

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "description": "One short question."},
        "options": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 2,
            "maxItems": MOST_OPTIONS,
            "description": "Answers to choose from: a few words each, different from each other.",
        },
        "recommended": {"type": "integer", "description": "Index into options of what you would choose."},
        "kind": {"type": "string", "enum": list(KINDS), "description": "The kind of ambiguity it settles."},
        "still_open": {
            "type": "array",
            "items": {"type": "string", "enum": list(KINDS)},
            "description": "The kinds that are still open now, this one included.",
        },
    },
    "required": ["question", "options", "recommended", "kind"],
}


def ask_tool(rt: Runtime, session_id: str, message_id: str, asked: int) -> Tool:
    """``ask_question``; the question goes into the message with ``message_id``. ``asked``: how many there were before."""

    def ask(given: dict[str, Any]) -> str:
        question = read_question(given)
        if asked >= MOST_QUESTIONS:
            raise ToolFailed(_SPENT)
        with rt.db.write() as tx:
            row = tx.db.get(models.Message, message_id)
            if row is None:
                raise ToolFailed("The session is gone.")
            if question_of(row):
                raise ToolFailed("One question at a time: this reply asks one already. End your reply.")
            row.extras = (row.extras or {}) | {"question": question | {"number": asked + 1, "answer": None}}
            tx.db.add(row)
            session = session_row(tx.db, session_id)
            card = stored_card(session.idea_card)
            still_open = kinds_read(given.get("still_open")) or card.still_open or []
            if question["kind"] and question["kind"] not in still_open:
                still_open = [*still_open, question["kind"]]
            store_card(tx, session, card.model_copy(update={"still_open": still_open}), by_user=False)
        return ASKED.format(number=asked + 1)

    return Tool(
        name="ask_question",
        description="Ask the user one question with options that they see as buttons. It ends your reply.",
        schema=_SCHEMA,
        handler=ask,
        summary=lambda given: f"Asked: {words_read(given.get('question'))[:200]}",
    )


def read_question(given: dict[str, Any]) -> dict[str, Any]:
    """What the model asks, checked. Raises ToolFailed, in words that say how it is done."""
    text = " ".join(words_read(given.get("question")).split())
    if not 0 < len(text) <= _MAX_QUESTION:
        raise ToolFailed(f"`question` must be one question of at most {_MAX_QUESTION} characters.")
    options = lines_read(given.get("options") or [])
    if not 2 <= len(options) <= MOST_OPTIONS:
        raise ToolFailed(f"`options` must be 2 to {MOST_OPTIONS} different answers; there are {len(options)}.")
    if long := next((n for n, option in enumerate(options, 1) if len(option) > _MAX_OPTION), None):
        raise ToolFailed(f"Option {long} is longer than {_MAX_OPTION} characters. Put explanations into your words.")
    recommended = given.get("recommended")
    if isinstance(recommended, str):
        recommended = options.index(recommended) if recommended in options else None
    if isinstance(recommended, bool) or not isinstance(recommended, int) or not 0 <= recommended < len(options):
        recommended = None
    kind = next(iter(kinds_read([given.get("kind")]) or []), None)
    return {"text": text, "options": options, "recommended": recommended, "kind": kind}


def question_of(message: models.Message) -> dict[str, Any] | None:
    """The question that a message asks; None where it asks none, or none that can be read."""
    found = (message.extras or {}).get("question")
    sound = isinstance(found, dict) and isinstance(found.get("text"), str) and isinstance(found.get("options"), list)
    return found if sound else None


def open_question(messages: Sequence[models.Message]) -> models.Message | None:
    """The message whose question waits for an answer: the last one, when it asks and nobody has answered."""
    said = [m for m in messages if m.role != "system"]
    question = question_of(said[-1]) if said and said[-1].role == "ai" else None
    return said[-1] if question and not question.get("answer") and said[-1].status != "streaming" else None


def asked_in(messages: Sequence[models.Message]) -> int:
    """How many questions were asked in a conversation."""
    return sum(question_of(m) is not None for m in messages if m.status != "failed")


def as_turn(message: models.Message) -> str:
    """A message for a model: its words, and the question that stands below them."""
    question = question_of(message)
    if question is None:
        return message.content
    options = "\n".join(
        f"{n}. {option}{' (recommended)' if n - 1 == question.get('recommended') else ''}"
        for n, option in enumerate(question["options"], 1)
    )
    return f"{message.content}\n\n(asked with ask_question) {question['text']}\n{options}".strip()


def option_meant(question: dict[str, Any], words: str) -> int | None:
    """The option that a user typed, by its number or its words."""
    options, typed = [str(o) for o in question["options"]], words.strip()
    if typed.isascii() and typed.isdigit() and 0 < int(typed[:3]) <= len(options):
        return int(typed[:3]) - 1
    folded = [option.casefold() for option in options]
    return folded.index(typed.casefold()) if typed.casefold() in folded else None


def settle(
    tx: Transaction, session: models.Session, asked: models.Message, said: models.Message, option: int | None
) -> None:
    """Store the answer with its question, and put it on the card. ``said`` is the user's message, ``option`` its number."""
    question = question_of(asked)
    if question is None:
        return
    words = said.content.strip()
    if option is None and words.endswith(_ASKS_BACK):
        return
    answer = {"option": option, "text": words[:_MAX_ANSWER], "message_id": said.id}
    asked.extras = (asked.extras or {}) | {
        "question": question | {"answer": answer, "answers": [*(question.get("answers") or []), answer]}
    }
    tx.db.add(asked)
    tx.emit("question_answered", session.id, message_id=asked.id, answer=answer)
    if option is None and len(words) > _MAX_ANSWER:
        return  # the assistant puts what matters of it on the card
    card = stored_card(session.idea_card)
    options = [str(o) for o in question["options"]]
    if option is None:
        options, option = [*options, " ".join(words.split())], len(options)
    decided = CardDecision(question=question["text"], options=options, chosen=option)
    others = [d for d in card.decisions if d.question != decided.question]
    update = {
        "decisions": [*others, decided][-50:],
        "open_questions": [q for q in card.open_questions if q.casefold() != question["text"].casefold()],
        "still_open": [kind for kind in card.still_open or [] if kind != question.get("kind")],
    }
    store_card(tx, session, card.model_copy(update=update), by_user=True, message_id=said.id)
