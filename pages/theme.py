"""How the pages look: local style sheets and scripts, and defaults for NiceGUI's elements.

``install()`` once before the server starts. Colours, spaces and state colours are CSS variables (``static/tokens.css``):
write ``color: var(--text-2)`` or use a class of ``static/components.css``, never a colour of your own. A class ``s-running``
(``waiting, checking, done, failed, paused, pending``) gives an element ``--c``, ``--c-soft`` and ``--c-solid`` of that state.
Light and dark follow the system; the user's own choice is kept in the browser (``static/theme.js``, before the first paint).
Pages with much CSS of their own add a file to ``static/`` and name it in ``STYLES``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from nicegui import app, ui

STATIC = Path(__file__).parent / "static"
URL = "/static/maestro"

#: Loaded by every page, in this order.
STYLES = (
    "reset.css",
    "tokens.css",
    "base.css",
    "icons.css",
    "frame.css",
    "components.css",
    "pages.css",
    "monitor.css",
    "logs.css",
    "changes.css",
    "questions.css",
    "contrast.css",
)

#: Loaded by every page, after the page is there.
SCRIPTS = ("maestro.js", "access.js", "notices.js", "gate.js")

#: For ``ui.run(favicon=…)``: Maestro's mark.
FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect x="8" y="8" width="16" height="16" rx="4" fill="#5b57ea" transform="rotate(45 16 16)"/></svg>'
)


def install() -> None:
    """Serve the assets and set the defaults of elements. Calling it again does no harm."""
    app.add_static_files(URL, STATIC, max_cache_age=31_536_000)
    ui.button.default_props("unelevated no-caps no-wrap")
    ui.input.default_props("outlined dense hide-bottom-space dir=auto")
    ui.textarea.default_props("outlined dense hide-bottom-space dir=auto")
    ui.number.default_props("outlined dense hide-bottom-space")
    ui.select.default_props("outlined dense options-dense hide-bottom-space")
    ui.card.default_props("flat")
    ui.menu.default_props("transition-duration=80")
    ui.dialog.default_props("transition-duration=120")


def head() -> str:
    """What every page has in its ``<head>``: the colours first, so that nothing flashes."""
    links = "".join(f'<link rel="stylesheet" href="{asset(name)}">' for name in STYLES if (STATIC / name).exists())
    scripts = "".join(f'<script defer src="{asset(name)}"></script>' for name in SCRIPTS)
    return f'<script src="{asset("theme.js")}"></script>{links}{scripts}<meta name="theme-color" content="#4f46e5">'


def asset(name: str) -> str:
    """The address of a file in ``static/``; it changes with the content, so browsers may keep it for ever."""
    path = STATIC / name
    return f"{URL}/{name}?v={_digest(path, path.stat().st_mtime_ns)}"


_digests: dict[tuple[Path, int], str] = {}


def _digest(path: Path, changed: int) -> str:
    key = (path, changed)
    if key not in _digests:
        _digests[key] = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return _digests[key]
