"""The gauge: which kinds of ambiguity are settled and which are still open, and how many questions are left."""

from __future__ import annotations

from maestro.core.brainstorm.idea_card import KINDS
from maestro.core.brainstorm.interview import MOST_QUESTIONS
from pages.components.tag import box, tag, text


class Gauge:
    """One mark a kind, filled where it is settled; hidden until the assistant has weighed the idea."""

    def __init__(self) -> None:
        self._open: list[str] | None = None
        self._asked = 0
        with box("b-gauge m-hidden") as self.root:
            self._marks = box("b-gauge__marks", role="img")
            self._words = text("", "m-meta m-wrap")

    def show(self, still_open: list[str] | None) -> None:
        """The kinds that are still open; None: not known yet."""
        self._open = still_open
        self._draw()

    def set_asked(self, asked: int) -> None:
        """How many questions were asked."""
        self._asked = asked
        self._draw()

    def _draw(self) -> None:
        if self._open is None:
            self.root.classes("m-hidden")
            return
        self.root.classes(remove="m-hidden")
        names = [kind.replace("_", " ") for kind in self._open]
        words = f"Still open: {', '.join(names)}." if names else "Nothing is open anymore."
        if self._asked:
            words += f" {self._asked} of {MOST_QUESTIONS} questions asked."
        self._words.set_text(words)
        self._marks.attr(aria_label=f"{len(KINDS) - len(names)} of {len(KINDS)} kinds of ambiguity are settled")
        self._marks.clear()
        with self._marks:
            for kind in KINDS:
                name = kind.replace("_", " ")
                left = kind in self._open
                state = "still open" if left else "settled"
                tag(
                    "span",
                    "",
                    "b-gauge__mark b-gauge__mark--open" if left else "b-gauge__mark",
                    title=f"{name}: {state}",
                )
