"""What Claude Code is told while it works, and when it has read it.

The CLI queues what it is sent, takes it in with the next tool result or as a further turn, and says so by repeating it
(``--replay-user-messages``). With the model's next answer it is in the conversation for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maestro import claude_home, untrusted
from maestro.agents.base import AgentLink, AgentSpec, Word
from maestro.agents.notes import mark, words_of

if TYPE_CHECKING:
    from claude_agent_sdk import UserMessage

#: So much of a conversation's file is searched, in bytes: from there on a message may be told twice.
_LONGEST = 256_000_000
#: Lines of the file that are part of the conversation; what is only queued stands in lines of another type.
_HELD = (b'"type":"user"', b'"type":"attachment"')


class Words:
    """One run's words: on their way to the CLI, in the conversation, answered."""

    def __init__(self, link: AgentLink) -> None:
        self._link = link
        self._sent: list[Word] = []
        self._read: list[Word] = []
        self.interrupted = False  # the turn that ends next was called off for a word

    def put_first(self, spec: AgentSpec, *, resume: bool) -> list[Word]:
        """The messages that the prompt has to bring; those that the conversation already holds are told as read."""
        words, known = words_of(spec), b""
        if words and resume:
            known = _conversation(spec.conversation_id)
        for word in words:
            if mark(word.note).encode() in known:
                self._link.note_taken(word.note)
            else:
                self._read.append(word)
        return list(self._read)

    def sent(self, word: Word) -> None:
        """It is about to be sent."""
        self._sent.append(word)
        self.interrupted = self.interrupted or word.interrupt

    @property
    def waiting(self) -> bool:
        """Whether the CLI still has to take one in."""
        return bool(self._sent)

    def take(self, message: Any) -> None:
        """Follow the stream of messages."""
        from claude_agent_sdk import AssistantMessage, UserMessage

        if isinstance(message, UserMessage) and self._sent:
            text = _text(message)
            self._read += [word for word in self._sent if word.text in text]
            self._sent = [word for word in self._sent if word.text not in text]
        elif isinstance(message, AssistantMessage) and not message.error and not message.parent_tool_use_id:
            for word in self._read:
                if word.note:
                    self._link.note_taken(word.note)
            self._link.answers_read()
            self._read = []
            self.interrupted = False


def _text(message: UserMessage) -> str:
    from claude_agent_sdk import TextBlock

    if isinstance(message.content, str):
        return message.content
    return "\n".join(block.text for block in message.content if isinstance(block, TextBlock))


def _conversation(conversation_id: str) -> bytes:
    """The lines of a stored conversation that the model is sent; nothing where there is no such file."""
    found = b""
    for file in (claude_home.folder() / "projects").glob(f"*/{conversation_id}.jsonl"):
        try:
            lines = untrusted.head(file, _LONGEST).split(b"\n")
        except OSError:
            continue
        found += b"\n".join(line for line in lines if any(kind in line for kind in _HELD))
    return found
