"""Which model names are Claude's own, so that nobody else's tokens are counted at Claude's prices."""

from __future__ import annotations

import re

#: As an alias the CLI turns into one of its own models.
_ALIASES = frozenset({"opus", "sonnet", "haiku", "opusplan", "default", "best"})

#: How clouds and gateways write the same names: regions and vendors before, dates and versions after.
_BEFORE = re.compile(r"^(?:arn:aws[\w-]*:bedrock:\S*?/)?(?:(?:us|us-gov|eu|apac|au|jp|ca|global)\.)?(?:anthropic[./])?")
_AFTER = re.compile(r"(?:\[1m\])?$")
_NAME = re.compile(
    r"(?P<name>claude-(?:(?:opus|sonnet|haiku|fable|mythos|instant)|\d+(?:[-.]\d{1,2})?|v\d)"
    r"(?:-(?:opus|sonnet|haiku|\d{1,2}(?:[-.]\d{1,2})?))*)"
    r"(?P<which>(?:[-@]\d{8})?(?:-latest)?(?:-fast)?)(?:-v\d+(?::\d+)?)?"
)


def plain_name(model: str) -> str | None:
    """The name as Anthropic's own price list has it (``claude-sonnet-4-5-20250929``); None: this is none of Claude's.

    ``claude-sonnet-4-5-distill:7b`` and ``qwen3-coder:30b`` are somebody else's; so is an alias, whose model is not known.
    """
    bare = _AFTER.sub("", _BEFORE.sub("", model.strip().lower()))
    found = _NAME.fullmatch(bare)
    if found is None:
        return None
    return found["name"].replace(".", "-") + found["which"].replace("@", "-")


def may_be_claude(model: str | None) -> bool:
    """Whether a model asked for by this name is one of Claude's: no name (the CLI's default), an alias, or a whole name."""
    if not model:
        return True
    return model.removesuffix("[1m]").lower() in _ALIASES or plain_name(model) is not None
