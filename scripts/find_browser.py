"""Find a Chromium or Chrome that starts, or get one; print its path.

In this order: ``CHROME_PATH``, an installed one, Playwright's own download (kept in the virtual environment), and as root on
Debian ``apt-get install chromium``. Without any of them this fails and says what to install: no browser, no test run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = ("Google Chrome", "Chromium")
DOWNLOADS = Path(sys.prefix) / "browsers"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def starts(path: Path) -> bool:
    """Whether this file is a browser that shows an empty page (a stand-in, or one without its libraries, does not)."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [str(path), *FLAGS, f"--user-data-dir={profile}", "--dump-dom", "about:blank"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0 and b"<html" in done.stdout


def installed() -> Iterator[Path]:
    """Places where a browser usually is."""
    yield from (Path(found) for name in NAMES if (found := shutil.which(name)))
    for folder in (Path("/Applications"), Path.home() / "Applications"):
        yield from (folder / f"{name}.app/Contents/MacOS/{name}" for name in APPLICATIONS)


def downloaded() -> Iterator[Path]:
    """Browsers that Playwright has put into the virtual environment."""
    for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*"):
        yield from sorted(DOWNLOADS.glob(pattern), reverse=True)


def download() -> None:
    """Let Playwright fetch its Chromium."""
    print("Maestro: no Chromium or Chrome found; trying Playwright's download", file=sys.stderr)
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        subprocess.run(
            command,
            env={**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(DOWNLOADS)},
            stdout=sys.stderr,
            timeout=900,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"Maestro: {error}", file=sys.stderr)


def install_from_debian() -> None:
    """As root on Debian, install its Chromium package; elsewhere do nothing."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("Maestro: installing the chromium package with apt-get", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "chromium"]):
        subprocess.run(command, env=environment, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)


def find() -> Path | None:
    """The first browser that starts, after getting one where none is there; None when nothing helped."""
    if chosen := os.environ.get("CHROME_PATH"):
        return Path(chosen) if starts(Path(chosen)) else None
    for attempt in (None, download, install_from_debian):
        if attempt:
            attempt()
        for path in (*installed(), *downloaded()):
            if path.is_file() and starts(path):
                return path
    return None


def main() -> None:
    """Print the browser's path, or exit with what to do."""
    path = find()
    if path is None and (chosen := os.environ.get("CHROME_PATH")):
        sys.exit(f"Maestro: CHROME_PATH names {chosen}, which does not start as a browser.")
    if path is None:
        sys.exit(
            "Maestro: the tests need Chromium or Chrome, and none was found or could be downloaded.\n"
            "Install one (Debian: apt-get install chromium; Fedora: dnf install chromium; macOS: brew install --cask\n"
            "google-chrome) or name one: CHROME_PATH=/path/to/chrome make test"
        )
    print(path)


if __name__ == "__main__":
    main()
