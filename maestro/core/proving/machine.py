"""What of the machine a check may lack, beside the network and the disk: services, ports, versions of tools, memory."""

from __future__ import annotations

import re

#: What programs say, and the same in words for the user.
_MACHINE = (
    (
        re.compile(r"Cannot connect to the Docker daemon|docker daemon is not running", re.IGNORECASE),
        "Docker is not running.",
    ),
    (
        re.compile(
            r"ECONNREFUSED|Connection refused|could not connect to server|Can't connect to (?:local )?(?:MySQL|MariaDB|server)"
            r"|Connection to \S+ refused|Error connecting to redis",
            re.IGNORECASE,
        ),
        "A service that it connects to is not running.",
    ),
    (
        re.compile(r"EADDRINUSE|Address already in use", re.IGNORECASE),
        "A port that it uses is taken by another program.",
    ),
    (
        re.compile(
            r"(?:version [`']\S+'|toolchain '\S+') is not installed|No version is set for command"
            r"|rustup could not choose a version"
            r"|volta error: |UnsupportedClassVersionError|Unsupported class file major version|invalid (?:source|target) release"
            r"|release version \d+ not supported|engine \"node\" is incompatible"
            r"|requires a different Python|project is configured to use"
        ),
        "The version of a tool that the repository asks for is not installed.",
    ),
    (
        re.compile(r"heap out of memory|Cannot allocate memory|\bENOMEM\b|std::bad_alloc|java\.lang\.OutOfMemoryError"),
        "There was not enough memory.",
    ),
    (
        re.compile(r"limit for number of file watchers reached|EMFILE|Too many open files", re.IGNORECASE),
        "The system's limit of open files was reached.",
    ),
)


def lacks(output: str) -> str | None:
    """What the machine does not have, by what a check that ran no test said. It counts where the base cannot run either."""
    return next((words for pattern, words in _MACHINE if pattern.search(output)), None)
