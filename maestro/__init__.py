"""Maestro: from an idea to merged, proven code."""

import os
import pwd

__version__ = "0.1.0"

# A folder that depends on the working directory would let a repository speak for the user, to libraries (keyring loads
# a program that its settings name) and to whatever is started. The standard says of such XDG folders: ignore them.
for _name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
    if not os.path.isabs(os.environ.get(_name, "/")):  # noqa: PTH117 - before anything else is loaded
        del os.environ[_name]
if not os.path.isabs(os.environ.get("HOME", "/")):  # noqa: PTH117
    os.environ["HOME"] = pwd.getpwuid(os.getuid()).pw_dir

# Pydantic would look through every installed package for plugins when it is first imported; Maestro uses none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
