"""Where configuration comes from: flags, environment, the user's own files, and the database in the data folder.

Nothing in the working directory speaks for the user: it may be a repository from the internet. The one exception is
Maestro's own checkout, when ``python app.py`` is started in it: its ``.env`` (never for keys, base URLs or programs),
and its ``data`` folder.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

from maestro import setting_files, user_folders
from maestro.errors import GitError, InvalidInput, MaestroError
from maestro.keys import KeyStore
from maestro.settings import LoadedSettings, Settings, variable
from maestro.worktrees.git import GitResult, git

_DATA = "data"
_DOTENV = ".env"

#: Git needs something in a folder that it is to keep; Maestro never reads them.
_PLACEHOLDERS = frozenset({".gitkeep", ".gitignore", ".keep"})
#: What makes a checkout Maestro's own: it tracks them.
_OWN = ("app.py", "maestro/settings.py", "maestro/core/kernel/configuration.py")

#: What git says of a ``.git`` that is none.
_NO_REPOSITORY = b"not a git repository"
_OWN_FOLDER = "Use a folder that only you can write, or fix this one with: chmod go-w"

_SQLITE_FILE = re.compile(r"sqlite(?:\+\w+)?:///(?:file:)?([^?]+)")


def for_command(flags: dict[str, Any]) -> tuple[LoadedSettings, list[str]]:
    """The settings of the ``maestro`` command, and what the user should hear about them.

    Raises InvalidInput for settings that are not valid, and for a data folder that a repository brings.
    """
    config = user_folders.config_file()
    loaded = LoadedSettings(flags, config=config, kept=KeyStore(config.parent).read())
    here = _here()
    notes = [*loaded.warnings, *_about_earlier_data(loaded, here), *_about_foreign_dotenv(here / _DOTENV)]
    refuse_foreign(loaded.current)
    loaded.tell_secrets()
    return loaded, notes


def for_app(flags: dict[str, Any], app_file: Path) -> tuple[LoadedSettings, list[str]]:
    """The settings of ``python app.py``, and what the user should hear about them. Raises as ``for_command``."""
    here, own = _here(), app_file.resolve().parent
    at_home = here.resolve() == own and _is_checkout(own)
    dotenv, reason = _own_dotenv(here) if at_home else (None, "")
    loaded = LoadedSettings(
        flags,
        dotenv=dotenv,
        config=user_folders.config_file(),
        kept=KeyStore(user_folders.config_file().parent).read(),
        default_data_dir=here / _DATA if at_home else None,
    )
    notes = list(loaded.warnings)
    if reason:
        notes.append(f"{here / _DOTENV} is not read: {reason}. {_instead()}")
    if not at_home:
        notes += [*_about_earlier_data(loaded, here), *_about_foreign_dotenv(here / _DOTENV)]
    refuse_foreign(loaded.current)
    loaded.tell_secrets()
    return loaded, notes


def refuse_foreign(settings: Settings) -> None:
    """Raise InvalidInput for a data folder, or a database file, that holds what some repository tracks.

    Whoever wrote that repository would have written the settings, and the address that keys are sent to. So would who may
    write into the folder.
    """
    if (who := _others(settings.data_dir)) is not None:
        words = f"{settings.data_dir} {who}, so they could choose where your keys go. {_OWN_FOLDER}"
        raise InvalidInput(f"A setting is not valid: {variable('data_dir')}: {words}", {"data_dir": words})
    if found := _tracked(settings.data_dir):
        raise _foreign("data_dir", f"the data folder {settings.data_dir} holds files", *found)
    file = _SQLITE_FILE.match(settings.database_url or "")
    if file and (found := _tracked(Path(file[1]))):
        raise _foreign("database_url", f"the database {file[1]} is a file", *found)


def _foreign(name: str, what: str, repo: Path, path: str) -> InvalidInput:
    words = (
        f"{what} that the git repository {repo} tracks ({ascii(path)[1:-1]}), so its authors could choose where your keys "
        f"go. Use another: unset {variable(name)}, or name one outside of repositories. If the files are yours, take them "
        f"out of the repository first (git rm --cached)"
    )
    return InvalidInput(f"A setting is not valid: {name}: {words}.", {name: words})


def _tracked(place: Path) -> tuple[Path, str] | None:
    """A repository at or above a place that tracks something in it, and what. Links are followed.

    Raises InvalidInput where git cannot say: that of a repository that only a newer git reads, say.
    """
    for spelled in dict.fromkeys((Path(os.path.normpath(place)), place.resolve())):
        for folder in (spelled, *spelled.parents):
            if not _may_be_repository(folder):
                continue
            below = spelled.relative_to(folder).as_posix()
            answer = _ask(folder, "ls-files", "-z", "--", f":(literal,icase){below}")
            if answer.code != 0 and _NO_REPOSITORY not in answer.stderr:
                said = answer.stderr.decode("utf-8", "replace").strip()[-300:]
                shown, owner = ascii(str(place))[1:-1], ascii(str(folder))[1:-1]
                words = f"git cannot tell which files of {shown} the repository {owner} tracks"
                raise InvalidInput(f"{words}: {said} Use another folder, or repair the repository.")
            for name in answer.fields:
                if Path(name).name not in _PLACEHOLDERS:
                    return folder, name
    return None


def _others(folder: Path) -> str | None:
    """Who else than this user wrote a folder, or may, in words; None where nobody, or where there is none yet."""
    try:
        found = folder.stat()
    except OSError:
        return None
    if found.st_uid not in {os.getuid(), 0} and os.getuid() != 0:  # root in a container works on a user's folder
        return "belongs to another user"
    return "can be changed by other users" if found.st_mode & stat.S_IWOTH else None


def _may_be_repository(folder: Path) -> bool:
    return os.path.lexists(folder / ".git")


def _ask(repo: Path, *args: str) -> GitResult:
    """A question about the index. Whoever owns the repository: it runs nothing of it."""
    return git(repo, "-c", "safe.directory=*", *args, check=False)


def _is_checkout(folder: Path) -> bool:
    """Whether Maestro lies there as its developers have it, not installed among other packages."""
    return all((folder / name).is_file() for name in ("pyproject.toml", *_OWN))


def _own_dotenv(here: Path) -> tuple[Path | None, str]:
    """The ``.env`` of Maestro's own checkout, and why it is not read where it is there and may not be."""
    path = here / _DOTENV
    if not path.is_file():
        return None, ""
    if not _may_be_repository(here):
        around = next((p for p in here.resolve().parents if _may_be_repository(p)), None)
        return (None, f"the folder belongs to another repository, {around}") if around else (path, "")
    try:
        known = _ask(here, "ls-files", "-z", "--", *_OWN)
        if known.code != 0 or len(known.fields) != len(_OWN):
            return None, "the folder is a git repository other than Maestro's own"
        if _tracked(path):
            return None, "it is tracked, so it comes with the repository"
    except (GitError, MaestroError) as error:
        return None, f"Maestro cannot tell whether it is tracked ({error.detail})"
    return path, ""


def _about_earlier_data(loaded: LoadedSettings, here: Path) -> list[str]:
    """Where the data of a version is that took ``./data`` for granted."""
    earlier = here / _DATA
    if loaded.origins["data_dir"] != "default" or earlier == loaded.current.data_dir:
        return []
    if not ((earlier / "maestro.db").is_file() and (earlier / "lock").is_file()) or _tracked(earlier):
        return []
    return [
        f"{earlier} holds data of Maestro, which is not in use: Maestro now uses {loaded.current.data_dir}. If it is yours, "
        f"use it with --data-dir {earlier}, or permanently with data_dir = {str(earlier)!r} in {user_folders.config_file()}."
    ]


def _about_foreign_dotenv(path: Path) -> list[str]:
    names = setting_files.names_in_dotenv(path, map(variable, Settings.model_fields))
    return [f"{path} is not read ({', '.join(names)}). {_instead()}"] if names else []


def _instead() -> str:
    return f"Use the environment, or {user_folders.config_file()}."


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return Path("/")
