"""A question of the assistant below its words: options as buttons (keys 1 to 9, see ``brainstorm.js``), and the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from maestro.core.brainstorm.interview import MOST_QUESTIONS
from pages.components.icon import icon
from pages.components.markdown import phrase
from pages.components.tag import box, tag, text

#: Answers the question of a message with an option, counted from 0.
Choose = Callable[[str, int], Awaitable[None]]


class QuestionBox:
    """The question of one message; empty where it asks none."""

    def __init__(self, message_id: str, choose: Choose) -> None:
        self._message_id = message_id
        self._choose = choose
        self._shown: tuple[Any, bool] = (None, False)
        self.root = box("b-ask m-hidden")

    def show(self, question: dict[str, Any] | None, *, can_answer: bool) -> None:
        """Show the question; with buttons while it can be answered."""
        answered = bool(question and question.get("answer"))
        now = (question, can_answer and not answered)
        if now == self._shown:
            return
        self._shown = now
        self.root.clear()
        self.root.classes(remove="m-hidden") if question else self.root.classes("m-hidden")
        if question:
            with self.root:
                self._fill(question, can_answer=now[1])

    def _fill(self, question: dict[str, Any], *, can_answer: bool) -> None:
        answer = question.get("answer") or {}
        with box("b-ask__head"):
            phrase(str(question["text"]), "b-ask__text m-wrap m-grow")
            kind = str(question.get("kind") or "").replace("_", " ")
            number = f"Question {question.get('number')} of {MOST_QUESTIONS}"
            text(f"{number} · {kind}" if kind else number, "m-meta b-ask__kind")
        with box("b-ask__options", role="group", aria_label=str(question["text"])):
            for index, option in enumerate(question["options"]):
                self._option(
                    index,
                    str(option),
                    recommended=index == question.get("recommended"),
                    chosen=index == answer.get("option"),
                    can_answer=can_answer,
                )
        if answer and answer.get("option") is None:
            tag("p", f"Answered in words: {answer.get('text', '')}", "m-meta m-wrap", dir="auto")
        elif can_answer:
            tag("p", "Or write your own answer below.", "m-meta")

    def _option(self, index: int, words: str, *, recommended: bool, chosen: bool, can_answer: bool) -> None:
        made = tag(
            "button" if can_answer else "div",
            "",
            "b-quick b-quick--chosen" if chosen else "b-quick",
            type="button" if can_answer else None,
            data_option=str(index + 1) if can_answer else None,
        )
        with made:
            if chosen:
                icon("check")
            else:
                tag("kbd", str(index + 1), "b-quick__key m-num", aria_hidden="true")
            phrase(words, "b-quick__words m-wrap", links=False)
            if recommended:
                text("Recommended", "b-quick__tag")
        if can_answer:

            async def choose() -> None:
                await self._choose(self._message_id, index)

            made.on("click", choose)
