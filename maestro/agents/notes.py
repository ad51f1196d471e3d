"""The user's messages to an agent at work, as the agent reads them."""

from __future__ import annotations

from collections.abc import Sequence

from maestro.agents.base import AgentLink, AgentSpec, Word


def word(note: str, text: str, *, interrupt: bool = False) -> Word:
    """A message as a word to the agent. Its mark tells it apart from one with the same text."""
    more = " The user has interrupted you for it." if interrupt else ""
    said = f"# A message from the user {mark(note)}\n\n{text}\n\nTake this into account, and go on with the task.{more}"
    return Word(said, note, interrupt)


def mark(note: str) -> str:
    """What stands in a conversation that holds the message with this id."""
    return f"(message {note[:12]})"


def words_of(spec: AgentSpec) -> list[Word]:
    """What the user has said before this run began and the agent has not read yet."""
    return [word(note["id"], note["text"]) for note in spec.notes]


def with_words(prompt: str, words: Sequence[Word]) -> str:
    """A prompt with what the user has said since."""
    return "\n\n".join([prompt, *(word.text for word in words)])


def into_prompt(spec: AgentSpec, link: AgentLink) -> str:
    """The prompt for an agent that reads nothing but its prompt; the messages in it count as read."""
    for note in spec.notes:
        link.note_taken(note["id"])
    return with_words(spec.prompt, words_of(spec))
