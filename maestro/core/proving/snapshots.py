"""What tests compare their output with: snapshots, golden files, recorded traffic.

Who deletes or rewrites one changes what its test demands, as surely as in the test itself: most runners write a
missing one anew and pass. New ones, and entries added to one, come with new tests and change nothing that was there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

_NAME = re.compile(
    r".*\.(?:snap|ambr|golden|storyshot|snapshot|snapshots|expected|cassette)(?:\.(?:new|orig|md|json|ya?ml|txt|xml|html|svg))?"
    r"|.*[._-](?:approved|verified|golden|expected|snapshot|baseline)\.\w+"
)
#: Folders of nothing else, whatever the files in them look like.
_FOLDERS = re.compile(r"__(?:\w+_)?(?:snapshots|golden|recordings|cassettes|approvals|baselines)__|[\w.]+-snapshots")
#: Folders with names that others have, too: only data in them counts.
_DATA_FOLDERS = frozenset(
    {
        "snapshots", "cassettes", "vcr_cassettes", "golden", "goldens", "golden_files", "approvals", "approved", "testdata",
        "test_data", "test-data", "recordings", "expected", "fixtures", "__fixtures__",
    }
)  # fmt: skip
_CODE = re.compile(
    r".*\.(?:pyi?|[cm]?[jt]sx?|go|rs|rb|java|kts?|cs|cc?|cpp|h|hpp|php|swift|scala|sql|sh|exs?|dart|lua|pl|vue|svelte)"
)
_JS_ENTRY = re.compile(r"^exports\[`(.*?)`\] = ", re.MULTILINE | re.DOTALL)
_AMBER_ENTRY = re.compile(r"^# name: (.*)$", re.MULTILINE)


def is_snapshot(path: str) -> bool:
    """Whether a file holds what tests compare their output with, by its name."""
    pure = PurePosixPath(path)
    code = _CODE.fullmatch(pure.name) is not None
    folders = pure.parts[:-1]
    if any(_FOLDERS.fullmatch(folder) for folder in folders):
        return True
    return not code and (bool(_NAME.fullmatch(pure.name)) or bool(_DATA_FOLDERS & {*folders}))


def only_adds(path: str, before: str, after: str) -> bool:
    """Whether a changed snapshot file still says all that it said, entry by entry; never where it has no entries."""
    entry = _AMBER_ENTRY if path.endswith(".ambr") else _JS_ENTRY
    old, new = _entries(before, entry), _entries(after, entry)
    return bool(old) and all(new.get(name) == said for name, said in old.items())


def beside(changed: Mapping[str, str], restored: Iterable[str]) -> list[str]:
    """New snapshot files, and such with new entries, of test files that are put back: their tests are not there then.

    ``changed``: by path, how it was changed; ``restored`` are not looked at again.
    """
    back = set(restored)
    return [path for path in changed if path not in back and is_snapshot(path) and _owners(path) & back]


def _owners(path: str) -> set[str]:
    """The test files that a snapshot may be of, as jest, vitest and syrupy place it."""
    pure = PurePosixPath(path)
    for at, part in enumerate(pure.parts[:-1]):
        if part == "__snapshots__":
            folder, name = PurePosixPath(*pure.parts[:at]), PurePosixPath(pure.parts[at + 1])
            return {str(folder / name.stem), str(folder / f"{name.stem}.py"), str(folder / f"{name.name}.py")}
    return set()


def _entries(text: str, entry: re.Pattern[str]) -> dict[str, str]:
    found = list(entry.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    return {match[1]: text[match.end() : end].strip() for match, end in zip(found, ends, strict=False)}
