"""What other programs of the same user may learn of this process: not its memory, not the environment it began with.

The kernel shows a process's first environment to every program of its user (``/proc/<pid>/environ``, ``ps e``). What
is needed of it later is kept in ``os.environ`` as before; the block itself is emptied.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_PR_SET_DUMPABLE = 4

#: What stays in the block: nothing that opens a door, and the mark by which a process is found.
_STAYS = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TMPDIR", "PWD", "MAESTRO_WORKER_ID"})


def close_to_others() -> None:
    """Keep other processes of this user out of this one's memory and environment (Linux; root is let in all the same)."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def empty_environment_block() -> None:
    """Overwrite the values in the block that the kernel shows; ``os.environ`` and child processes keep them.

    To be called before anything reads the environment in C, and before there are threads.
    """
    with contextlib.suppress(AttributeError, ValueError, OSError):
        for name, address, size in _values_in_the_block():
            if name in os.environ and name not in _STAYS and size:
                os.environ[name] = os.environ[name]  # the C library's own copy moves to the heap
                ctypes.memset(address, 0, size)


def _values_in_the_block() -> list[tuple[str, int, int]]:
    """Each variable's name, and where its value stands in memory, with its length in bytes."""
    library = ctypes.CDLL(None)
    if sys.platform == "darwin":
        library._NSGetEnviron.restype = ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))
        pointers = library._NSGetEnviron().contents
    else:
        pointers = ctypes.POINTER(ctypes.c_void_p).in_dll(library, "environ")
    found, index = [], 0
    while address := pointers[index]:
        name, equals, value = ctypes.string_at(address).partition(b"=")
        if equals:
            found.append((os.fsdecode(name), address + len(name) + 1, len(value)))
        index += 1
    return found
