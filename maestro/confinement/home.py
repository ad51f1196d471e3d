"""What of the user's home a confined command may read: language tool chains and caches of tools, never keys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

#: Tool chains and version managers, below home.
_TOOLCHAINS = (
    ".pyenv", ".rye", ".nvm", ".fnm", ".volta", ".asdf", ".nodenv", ".rbenv", ".rvm", ".goenv", ".jenv", ".phpenv", ".plenv",
    ".tfenv", ".n", "n", ".rustup", ".cargo/bin", ".cargo/env", ".cargo/config.toml", ".cargo/config", ".sdkman", ".ghcup",
    ".elan", ".opam", ".juliaup", ".julia", ".swiftly", ".bun/bin", ".deno/bin", ".dotnet", ".local/bin", ".local/lib",
    ".local/share/uv", ".local/share/pipx", ".local/pipx", ".local/share/mise", ".local/share/rtx", ".local/share/fnm",
    ".local/share/pnpm", ".local/share/virtualenv", ".local/share/swiftly", ".local/share/rbenv", ".local/state/fnm_multishells",
    ".local/state/nix/profiles", ".nix-profile", ".linuxbrew", "miniconda3", "anaconda3", "miniforge3", "mambaforge",
    "micromamba", ".conda/envs", ".conda/pkgs", "go/bin", "sdk", ".gem", ".local/share/gem", ".krew/bin",
    ".yarn/bin", ".npm-global", ".config/yarn/global", ".foundry/bin", ".pub-cache", "flutter", "Android/Sdk",
    "Library/Python", "Library/Java", "Library/Android/sdk", "Library/pnpm", "Library/Application Support/fnm",
    "Library/Application Support/Coursier", ".local/share/coursier", ".asdfrc", ".tool-versions", ".config/mise/config.toml",
    ".python-version", ".node-version", ".nvmrc",
)  # fmt: skip

#: What tools have downloaded or built before, below home. Only read: what is new goes to a folder of Maestro's own.
_CACHES = (
    ".cargo/registry", ".cargo/git", "go/pkg", ".m2/repository", ".m2/wrapper", ".gradle/caches", ".gradle/wrapper",
    ".gradle/jdks", ".nuget/packages", ".ivy2/cache", ".ivy2/local", ".sbt/boot", ".cabal/packages", ".cabal/store", ".stack",
    ".hex/packages", ".mix", ".npm/_cacache", ".npm/_npx", ".bun/install/cache", ".yarn/berry/cache", ".yarn/cache",
    ".composer/cache", ".bundle/cache", ".cache/pip", ".cache/uv", ".cache/go-build", ".cache/yarn", ".cache/pnpm",
    ".cache/node", ".cache/node-gyp", ".cache/deno", ".cache/pypoetry", ".cache/pdm", ".cache/hatch", ".cache/pre-commit",
    ".cache/ms-playwright", ".cache/puppeteer", ".cache/Cypress", ".cache/electron", ".cache/coursier", ".cache/composer",
    ".cache/bazel", ".cache/zig", ".cache/rebar3", ".cache/JNA", ".cache/huggingface/hub", ".cache/torch/hub",
    "Library/Caches/pip", "Library/Caches/uv", "Library/Caches/go-build", "Library/Caches/pypoetry", "Library/Caches/Yarn",
    "Library/Caches/ms-playwright", "Library/Caches/Coursier", "Library/Caches/Cypress", "Library/Caches/deno",
)  # fmt: skip

#: Never read, wherever a wider permission would name them. Below home.
SECRETS = (
    ".ssh", ".aws", ".gnupg", ".azure", ".kube", ".docker", ".netrc", "_netrc", ".git-credentials", ".config/git/credentials",
    ".config/gh", ".config/glab-cli", ".config/hub", ".config/gcloud", ".config/rclone", ".config/op", ".config/maestro",
    ".config/pypoetry/auth.toml", ".config/composer/auth.json", ".composer/auth.json", ".config/configstore",
    ".config/google-chrome", ".config/chromium", ".mozilla", ".thunderbird", ".password-store", ".local/share/keyrings",
    ".local/share/maestro", ".local/state/maestro", ".claude", ".claude.json", ".npmrc", ".pypirc", ".yarnrc", ".yarnrc.yml",
    ".pgpass", ".my.cnf", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".local/share/gem/credentials",
    ".m2/settings.xml", ".m2/settings-security.xml", ".gradle/gradle.properties", ".gradle/init.d", ".nuget/NuGet",
    ".dotnet/corefx", ".terraform.d", ".vault-token", ".bash_history", ".zsh_history", ".python_history", ".node_repl_history",
    ".lesshst", ".psql_history", ".hex/hex.config", ".pub-cache/credentials.json", ".bundle/config", ".stack/hooks",
    ".cache/huggingface/token", ".config/pip", ".pip", ".condarc", ".conda/.condarc", ".cabal/config", ".sbt/.credentials",
    ".ivy2/.credentials", ".julia/config", ".julia/logs", "Library/Keychains", "Library/Application Support/maestro",
    "Library/Application Support/Google", "Library/Cookies", "Library/Mobile Documents", "Library/Messages", "Library/Mail",
)  # fmt: skip

#: Parents that hold more than one tool: a program below them is no reason to show all of them.
_SHARED = frozenset({".", ".local", ".local/share", ".local/state", ".config", ".cargo", ".cache", ".deno", ".bun", ".yarn",
                     "go", "Library", "Documents", "Desktop", "Downloads", ".dotnet", ".claude"})  # fmt: skip

#: Variables that name a tool's home or the certificates it trusts.
_NAMING = (
    "PYENV_ROOT", "NVM_DIR", "NVM_BIN", "VOLTA_HOME", "RUSTUP_HOME", "JAVA_HOME", "JDK_HOME", "SDKMAN_DIR", "GOROOT",
    "DOTNET_ROOT", "ANDROID_HOME", "ANDROID_SDK_ROOT", "FLUTTER_ROOT", "RBENV_ROOT", "GEM_HOME", "ASDF_DIR", "ASDF_DATA_DIR",
    "MISE_DATA_DIR", "FNM_DIR", "FNM_MULTISHELL_PATH", "N_PREFIX", "NODE_HOME", "M2_HOME", "MAVEN_HOME", "GRADLE_HOME",
    "PLAYWRIGHT_BROWSERS_PATH", "PUPPETEER_EXECUTABLE_PATH", "CHROME_BIN", "CHROME_PATH", "CONDA_PREFIX", "MAMBA_ROOT_PREFIX",
    "VIRTUAL_ENV", "GHCUP_INSTALL_BASE_PREFIX", "OPAM_SWITCH_PREFIX", "JULIA_DEPOT_PATH", "R_LIBS_USER", "CUDA_HOME",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH", "NIX_SSL_CERT_FILE", "PIP_CERT", "CARGO_HTTP_CAINFO", "DENO_CERT", "AWS_CA_BUNDLE", "TZDIR",
)  # fmt: skip

#: Maven's options may name where its packages lie.
_MAVEN = ("MAVEN_OPTS", "MAVEN_ARGS")
_LOCAL_REPOSITORY = re.compile(r"-Dmaven\.repo\.local=(\S+)")

#: Variables that name folders and files with keys.
_KEYS_ELSEWHERE = (
    "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "CLAUDE_CONFIG_DIR", "GNUPGHOME", "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "AZURE_CONFIG_DIR",
    "KUBECONFIG", "DOCKER_CONFIG", "NETRC", "GIT_CONFIG_GLOBAL", "NPM_CONFIG_USERCONFIG", "PGPASSFILE", "VAULT_CONFIG_PATH",
    "GH_CONFIG_DIR", "PASSWORD_STORE_DIR", "SSH_AUTH_SOCK", "npm_config_userconfig", "HF_TOKEN_PATH", "TF_CLI_CONFIG_FILE",
    "RCLONE_CONFIG", "SOPS_AGE_KEY_FILE", "ANSIBLE_VAULT_PASSWORD_FILE", "OCI_CLI_CONFIG_FILE", "PGSERVICEFILE", "BOTO_CONFIG",
    "DATABRICKS_CONFIG_FILE", "DOCKER_CERT_PATH", "HISTFILE",
)  # fmt: skip

#: Variables that name a tool's whole folder, which may be seen, and what of it holds keys.
_KEYS_BELOW = {
    "CARGO_HOME": ("credentials.toml", "credentials"), "GRADLE_USER_HOME": ("gradle.properties", "init.d"),
    "HF_HOME": ("token", "stored_tokens"), "BUNDLE_USER_HOME": ("config",), "COMPOSER_HOME": ("auth.json",),
    "PULUMI_HOME": ("credentials.json",), "PUB_CACHE": ("credentials.json",), "HEX_HOME": ("hex.config",),
}  # fmt: skip


#: What is downloaded once and used in many worktrees, and may well be only read by what uses it.
DOWNLOADS = (
    ".npm", ".cache/pip", ".cache/yarn", ".yarn/berry/cache", ".local/share/pnpm/store", ".cargo/registry", ".cargo/git",
    "go/pkg/mod", ".m2/repository", ".m2/wrapper", ".nuget/packages", ".composer/cache", ".cache/composer", ".hex/packages",
    ".bun/install/cache", ".pub-cache/hosted", ".cache/ms-playwright", ".cache/puppeteer", ".cache/Cypress", ".cache/node",
    ".cache/node-gyp", ".cache/electron", ".cache/coursier", ".cache/deno",
)  # fmt: skip


def readable(
    home: Path, environ: Mapping[str, str], more: Iterable[str] = (), *, caches: bool = True
) -> tuple[Path, ...]:
    """The allow-list: tool chains, caches, what ``PATH`` and tools' variables name below home, and what the user adds.

    ``more`` names paths, with ``~`` for home. Nothing of ``SECRETS`` is in it unless the user names just that.
    """
    found = [home / name for name in (*_TOOLCHAINS, *(_CACHES if caches else ()))]
    found += [
        folder for entry in environ.get("PATH", "").split(os.pathsep) for folder in _of_program_folder(entry, home)
    ]
    named = [Path(value) for name in _NAMING for value in environ.get(name, "").split(os.pathsep) if value]
    named += [Path(path) for name in _MAVEN for path in _LOCAL_REPOSITORY.findall(environ.get(name, ""))]
    found += [path for path in named if path.is_absolute() and _is_narrow(path, home)]
    found.append(home / ".config/git/ignore")
    asked = [_below(home, name) for name in more]
    keys = {home / name for name in SECRETS}
    kept = [path for path in found if keys.isdisjoint((path, *path.parents))]
    return tuple(dict.fromkeys([*kept, *asked]))


def hidden(home: Path, readable_paths: Iterable[Path]) -> tuple[Path, ...]:
    """The secrets that lie below what is readable and was not named itself."""
    shown = set(readable_paths)
    keys = [home / name for name in SECRETS]
    return tuple(key for key in keys if key not in shown and not shown.isdisjoint(key.parents))


def elsewhere(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """What variables say of keys that lie outside of home; hidden as well. ``/dev/null`` is how they name none."""
    named = [Path(part) for name in _KEYS_ELSEWHERE for part in environ.get(name, "").split(os.pathsep) if part]
    named += [Path(environ[name], key) for name, keys in _KEYS_BELOW.items() if environ.get(name) for key in keys]
    files = (path for path in named if path.is_absolute() and not os.path.realpath(path).startswith("/dev/"))
    return tuple(dict.fromkeys(path for path in files if len(path.parts) > 2))


def _of_program_folder(entry: str, home: Path) -> Iterator[Path]:
    """A folder of programs, and what they belong to: the tool's own folder, or the interpreter of an environment."""
    folder = Path(entry)
    if not entry or not folder.is_absolute():
        return
    if folder.is_relative_to(home) and folder == home:
        return
    yield folder
    above = folder.parent
    if folder.name in ("bin", "sbin", "Scripts", "shims") and _is_narrow(above, home):
        yield above
    if (above / "pyvenv.cfg").is_file():
        base = (folder / "python").resolve().parent
        yield from (base, *([base.parent] if _is_narrow(base.parent, home) else []))


def _is_narrow(path: Path, home: Path) -> bool:
    """Whether a folder is one tool's own, and holds no key of the user's."""
    if home.is_relative_to(path):
        return False
    if not path.is_relative_to(home):
        return True
    if str(path.relative_to(home)) in _SHARED:
        return False
    return not any((home / name).is_relative_to(path) and (home / name).exists() for name in SECRETS)


def _below(home: Path, name: str) -> Path:
    return home / name.removeprefix("~").lstrip("/") if name.startswith("~") else home / name
