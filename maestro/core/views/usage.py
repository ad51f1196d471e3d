"""What was used: tokens."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from maestro.core.views.reading import whole


class Tokens(BaseModel):
    """Tokens, by kind."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @classmethod
    def of(cls, *rows: Any) -> Tokens:
        """The sum over rows that have the four token columns."""
        return cls(
            input=sum(whole(r.input_tokens) for r in rows),
            output=sum(whole(r.output_tokens) for r in rows),
            cache_read=sum(whole(r.cache_read_tokens) for r in rows),
            cache_write=sum(whole(r.cache_write_tokens) for r in rows),
        )

    @property
    def total(self) -> int:
        """All of them together."""
        return self.input + self.output + self.cache_read + self.cache_write
