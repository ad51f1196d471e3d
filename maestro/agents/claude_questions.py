"""Questions of Claude Code to the user: our tool ``ask_user``, and the CLI's own ``AskUserQuestion`` answered the same way."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from maestro.agents.base import AgentLink, GateDecision, UserQuestion

#: The CLI's own tool.
OWN = "AskUserQuestion"

LEFT_TO_YOU = (
    "The user leaves it to you: choose what fits the task best, and record the choice with `record_decision`. Do not ask "
    "again about this."
)


class AskUser(BaseModel):
    """Input of ``ask_user``."""

    model_config = ConfigDict(extra="ignore")

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)] = Field(
        description="One question, in full sentences, that can be answered without looking at your conversation."
    )
    options: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]] = Field(
        default=[], max_length=10, description="The answers that you see; the one you would choose first."
    )
    why: str = Field(default="", max_length=4000, description="What depends on the answer.")

    def asked(self) -> UserQuestion:
        """As it is put to the user."""
        return UserQuestion(self.question, tuple(dict.fromkeys(self.options)), self.why.strip())


class _Option(BaseModel):
    model_config = ConfigDict(extra="ignore")

    label: str
    description: str = ""


class _Question(BaseModel):
    model_config = ConfigDict(extra="ignore")

    question: str
    options: list[_Option] = []
    multiSelect: bool = False  # noqa: N815  # as the CLI names it

    def asked(self) -> UserQuestion:
        """As it is put to the user; what an option means stands below the question."""
        meant = [f"- {o.label}: {o.description}" for o in self.options if o.description.strip()]
        several = "Several may be chosen: separate them by commas." if self.multiSelect else ""
        options = () if self.multiSelect else tuple(dict.fromkeys(o.label[:500] for o in self.options[:10]))
        listed = [*meant] if meant or not self.multiSelect else [f"- {o.label}" for o in self.options]
        return UserQuestion(self.question[:4000], options, "\n".join([several, *listed]).strip()[:4000])


class _Questions(BaseModel):
    model_config = ConfigDict(extra="ignore")

    questions: list[_Question] = Field(min_length=1, max_length=10)


def words_of(decision: GateDecision) -> str:
    """The user's answer as the agent reads it."""
    if decision.allow:
        return f"The user answers:\n\n{decision.message}"
    return decision.message or LEFT_TO_YOU


async def answered(link: AgentLink, tool_input: dict[str, Any]) -> dict[str, Any] | str:
    """The input of the CLI's own tool with the user's answers; why it cannot be asked, where that is so."""
    try:
        given = _Questions.model_validate(tool_input)
    except ValidationError as error:
        return f"The questions cannot be read: {error.errors()[0]['msg']}. Ask with `ask_user`."
    answers: dict[str, str] = {}
    for question in given.questions:
        decision = await link.ask_user(question.asked())
        answers[question.question] = decision.message if decision.allow else words_of(decision)
    return {**tool_input, "answers": answers}
