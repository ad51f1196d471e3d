"""The user's own folders for configuration and data: never anything that the working directory says."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

_APP = "maestro"


def config_file() -> Path:
    """``config.toml`` in the user's configuration folder, whether there or not."""
    return _own("config") / "config.toml"


def data_dir() -> Path:
    """The data folder of the ``maestro`` command."""
    return _own("data")


def _own(kind: str) -> Path:
    import platformdirs

    told = {"config": platformdirs.user_config_path, "data": platformdirs.user_data_path}[kind](_APP, appauthor=False)
    if told.is_absolute():
        return told
    # XDG_CONFIG_HOME=. (or a HOME that is no whole path) would let a repository in the working directory speak.
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    if sys.platform == "darwin":
        return home / "Library/Application Support" / _APP
    return home / {"config": ".config", "data": ".local/share"}[kind] / _APP
