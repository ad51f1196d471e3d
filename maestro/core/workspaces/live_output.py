"""What a command prints, as rows of the session's log while it runs."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from typing import Any

from maestro import secrets
from maestro.core.kernel.runtime import Runtime
from maestro.terminal_text import Style, cut, styled

_EVERY_S = 1.0
_ROWS = 4  # at once; further lines fold into the last of them
_LINE_CHARS = 2_000
_LINES = 500
_CHARS = 100_000
_CUT = "[… more than this is not shown while it runs]"


class LiveOutput:
    """Hears the output of one command (``validation.run_command``) and writes it down in batches, once a second.

    Lines are kept up to a limit with the cut marked. A line that a progress bar draws over and over is
    written as it last was.
    """

    def __init__(
        self, rt: Runtime, session_id: str, columns: dict[str, Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rt = rt
        self._row = {"session_id": session_id, **columns}
        self._clock = clock
        self._written_at = -_EVERY_S
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines: list[tuple[str, list[Style]]] = []
        self._secrets = secrets.Lines()
        self._rest = ""
        self._kept_lines = self._kept_chars = 0
        self._cut = False

    def on_output(self, data: bytes) -> bool:
        """Take what is new; write it down when it is time. False when the limit is reached."""
        if data:
            *whole, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
            self._rest = self._rest[-_LINE_CHARS:]
            self._keep(whole)
        if self._lines and self._clock() - self._written_at >= _EVERY_S:
            self.write()
        return not self._cut

    def end(self) -> None:
        """The command has ended: write down what is left."""
        if not self._cut:
            self._keep([self._rest])
        self.write()

    def write(self) -> None:
        """Write down what was heard since the last time."""
        lines, self._lines = self._lines, []
        self._written_at = self._clock()
        if not lines:
            return
        rows = [self._as_row([line]) for line in lines[: _ROWS - 1]]
        rows += [self._as_row(rest)] if (rest := lines[_ROWS - 1 :]) else []
        with self._rt.db.write(durable=False) as tx:
            tx.logs(rows)

    def _as_row(self, lines: list[tuple[str, list[Style]]]) -> dict[str, Any]:
        styles, at = list[Style](), 0
        for text, own in lines:
            styles += [(start + at, end + at, look) for start, end, look in own]
            at += len(text) + 1
        row = {**self._row, "message": "\n".join(text for text, _ in lines)}
        return row | {"details": {**(self._row.get("details") or {}), "styles": styles}} if styles else row

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            printed, styles = styled(line.rstrip("\r"))
            shown = self._secrets.clean(printed)
            plain, styles = shown.rstrip(), styles if shown == printed else []
            if not plain:
                continue
            self._kept_lines += 1
            self._kept_chars += len(plain)
            if self._kept_lines > _LINES or self._kept_chars > _CHARS:
                self._lines.append((_CUT, []))
                self._cut = True
                return
            short = plain if len(plain) <= _LINE_CHARS else plain[:_LINE_CHARS] + " [… cut]"
            self._lines.append((short, cut(styles, min(len(plain), _LINE_CHARS))))
