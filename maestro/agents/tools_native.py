"""The tools that may run unasked, see ``tool_table``: C's and C++'s, and the builders of all trades."""

from __future__ import annotations

from maestro.agents.tool_options import TASK, Tool, tool

_CMAKE_VALUES = r"(ON|OFF|TRUE|FALSE|YES|NO|\d+|Debug|Release|RelWithDebInfo|MinSizeRel)"
_CMAKE = tool(
    "-S:path -B:path -G:word --fresh --preset:word -Wno-dev -Wdev --log-level:word",
    rf"-D\w+(:\w+)?={_CMAKE_VALUES}|-GNinja",
)
_CMAKE_BUILD = tool(
    "--parallel:?num -j:?num --config:word --clean-first --verbose -v --preset:word --target:task -t:task",
    r"-j\d+",
    rest=r"-[jk]\d*|-v|-s",
)
_CTEST = tool(
    "--test-dir:path --output-on-failure --stop-on-failure --verbose --quiet --rerun-failed --no-tests:word"
    " --progress --tests-regex:text -R:text --exclude-regex:text -E:text -L:text -LE:text --label-regex:text"
    " --build-config:word -C:word --parallel:num -j:num --timeout:num --repeat:text --output-junit:path --preset:word"
    " --show-only -N --schedule-random",
    r"-j\d+|-V{1,2}|-Q",
    operands="none",
)
_NINJA = tool("-C:path -v -k:num -j:num -d:word -n", r"-j\d+|-k\d+", operands=TASK)
_MAKE = tool(
    "-C:path --directory:path -s -k -B -n -j:?num --silent --keep-going --dry-run --no-print-directory --always-make"
    " -w --output-sync:?word",
    r"-j\d*|-[skBn]{2,4}|-O\w*",
    operands=rf"{TASK}|(V|VERBOSE|v)=[01]|\d+",
)
_TASKS_ONLY = tool("-q -v --quiet --verbose --silent -j:num", operands=TASK)

NATIVE: dict[str, Tool] = {
    "cmake": _CMAKE,
    "cmake --build": _CMAKE_BUILD,
    "ctest": _CTEST,
    "ninja": _NINJA,
    "samu": _NINJA,
    "meson setup": tool("--buildtype:word --reconfigure --wipe --werror", rf"-D\w+={_CMAKE_VALUES}|-D\w+=(true|false)"),
    "meson compile": tool("-C:path -j:num -v", operands="none"),
    "meson test": tool(
        "-C:path -v --verbose --suite:word --no-rebuild --print-errorlogs -j:num --repeat:num", operands=r"[\w\-]+"
    ),
    "make": _MAKE,
    "gmake": _MAKE,
    "just": _TASKS_ONLY,
    "task": _TASKS_ONLY,
    "rake": tool("-q -v -t --trace", operands=TASK),
    "invoke": _TASKS_ONLY,
    "clang-format": tool("-i --dry-run -n --Werror --style=file --verbose -style=file", writes=True),
    "clang-tidy": tool("-p:path --quiet -checks:text --checks:text --fix"),
    "cppcheck": tool("--quiet -q --enable:word --std:text --error-exitcode:num --inline-suppr --language:word -I:path"),
    "zig build": tool("--release:word -j:num", r"-j\d+|-Doptimize=\w+", operands=TASK),
    "zig fmt": tool("--check", writes=True),
    "zig test": tool("--test-filter:text", by_path=True),
    "bazel test": tool(
        "--test_output:word --keep_going -k --nocache_test_results --test_filter:text", operands=r"(//)?[\w./:\-]+"
    ),
    "bazel build": tool("--keep_going -k", operands=r"(//)?[\w./:\-]+"),
}
