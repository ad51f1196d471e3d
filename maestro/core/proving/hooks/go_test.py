"""Runs ``go test`` with -json: keeps the lines for Maestro, and prints what it would have printed without.

Started in place of ``go test``: go_test.py GO ARGUMENTS…; ends with go's own exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

_ENDS = {"pass", "fail", "skip"}
_NOT_RUN = ("-c", "--c", "-n", "--n", "-list", "--list", "-h", "-help", "--help")
_VERBOSE = ("-v", "--v", "-v=true", "-test.v", "-test.v=true")


class Printer:
    """Prints a package's words once it has ended, as ``go test`` does: those of passing tests only with -v.

    ``local``: go was asked for no packages, but for the folder it stands in, of which it prints everything.
    """

    def __init__(self, verbose: bool, local: bool) -> None:
        self._verbose = verbose
        self._local = local
        self._words: dict[str, list[tuple[str, str]]] = {}
        self._ended: dict[tuple[str, str], str] = {}

    def take(self, raw: str) -> None:
        """One line of what go wrote."""
        entry = _entry(raw)
        if entry is None:
            _say(raw)
            return
        package, test = str(entry.get("Package") or entry.get("ImportPath") or ""), str(entry.get("Test") or "")
        action = str(entry["Action"])
        if "Output" in entry:
            self._words.setdefault(package, []).append((test, str(entry["Output"])))
        if action == "build-output":
            self._flush(package)
        elif action in _ENDS:
            self._ended[(package, test)] = action
            if not test:
                self._flush(package)

    def close(self) -> None:
        """Print what is left of packages that never ended."""
        for package in list(self._words):
            self._flush(package)

    def _flush(self, package: str) -> None:
        for test, words in self._words.pop(package, []):
            if self._verbose or self._is_printed(package, test, words):
                _say(words)

    def _is_printed(self, package: str, test: str, words: str) -> bool:
        if not test or test.startswith("Benchmark"):
            return self._local or words != "PASS\n"
        plain = words.lstrip()
        failed = self._ended.get((package, test), "fail") == "fail"
        if plain.startswith(("--- PASS", "--- SKIP")) or not failed:
            return False
        return not plain.startswith(("=== RUN", "=== PAUSE", "=== CONT", "=== NAME"))


def _say(words: str) -> None:
    sys.stdout.write(words)
    sys.stdout.flush()


def _entry(line: str) -> dict[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "Action" in entry else None


def _run(go: str, arguments: list[str], report: IO[str]) -> int:
    at = arguments.index("test") + 1
    asked = any(word in {"-json", "--json", "-json=true"} for word in arguments)
    command = [go, *arguments] if asked else [go, *arguments[:at], "-json", *arguments[at:]]
    packages = any(word.startswith(".") or "/" in word for word in arguments[at:] if not word.startswith("-"))
    printer = Printer(any(word in _VERBOSE for word in arguments), not packages)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace") as process:
        assert process.stdout is not None
        for line in process.stdout:
            report.write(line)
            if asked:
                _say(line)
            else:
                printer.take(line)
        printer.close()
    return process.returncode


def main() -> None:
    """See the module."""
    go, arguments = sys.argv[1], sys.argv[2:]
    folder = Path(__file__).parents[1]
    if os.environ.get("MAESTRO_REPORTING") or any(word in _NOT_RUN for word in arguments):
        os.execv(go, [go, *arguments])  # noqa: S606
    os.environ["MAESTRO_REPORTING"] = "go"
    with (folder / f"go-{os.getpid()}.jsonl").open("w", encoding="utf-8") as report:
        sys.exit(_run(go, arguments, report))


if __name__ == "__main__":
    main()
