"""Which variables of the user's environment reach whom: tools, set-up commands and agents each get a list of their own.

Names and prefixes only. What no list names stays with the app, unless the user passes it on by name (``pass_env``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

#: What any program needs to run as it does in the user's terminal.
_BASIC = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "TERM", "COLORTERM",
        "SYSTEMROOT", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS",
        "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_DIRS",
        "XDG_DATA_DIRS", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "LOCALE_ARCHIVE",
        "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXEC_PATH",
    }
)  # fmt: skip

#: The way out: proxies and the certificates of networks that look into what passes. Any case.
_NETWORK = frozenset(
    {
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "NODE_USE_ENV_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
        "AWS_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "NIX_SSL_CERT_FILE", "HTTPLIB2_CA_CERTS", "DENO_CERT",
        "DENO_TLS_CA_STORE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    }
)  # fmt: skip

#: Homes and options of compilers, interpreters, version managers and browsers.
_TOOLS = frozenset(
    {
        "JAVA_HOME", "JDK_HOME", "JRE_HOME", "JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS",
        "M2_HOME", "MAVEN_HOME", "MAVEN_OPTS", "MAVEN_ARGS", "ANT_HOME", "GROOVY_HOME", "KOTLIN_HOME", "SCALA_HOME",
        "GRADLE_HOME", "GRADLE_USER_HOME", "GRADLE_OPTS", "SBT_HOME", "SBT_OPTS", "LEIN_HOME",
        "FLUTTER_ROOT", "FLUTTER_HOME", "PUB_CACHE", "PUB_HOSTED_URL", "FLUTTER_STORAGE_BASE_URL",
        "N_PREFIX", "NODE_HOME", "NODENV_ROOT", "PYENV_ROOT", "RBENV_ROOT", "GOENV_ROOT", "JENV_ROOT", "PHPENV_ROOT",
        "PLENV_ROOT", "TFENV_ROOT", "rvm_path", "RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUST_BACKTRACE",
        "STACK_ROOT", "CABAL_DIR", "CABAL_CONFIG", "GHCUP_INSTALL_BASE_PREFIX", "OPAMROOT", "OPAMSWITCH",
        "OPAM_SWITCH_PREFIX", "CAML_LD_LIBRARY_PATH", "OCAML_TOPLEVEL_PATH", "JULIA_DEPOT_PATH", "JULIA_PKG_SERVER",
        "R_HOME", "R_LIBS", "R_LIBS_USER", "R_LIBS_SITE", "PERL5LIB", "PERL_LOCAL_LIB_ROOT", "PERL_MB_OPT", "PERL_MM_OPT",
        "LUA_PATH", "LUA_CPATH", "PHPRC", "PHP_INI_SCAN_DIR", "ERL_LIBS", "ERL_AFLAGS", "KERL_BASE_DIR",
        "MAMBA_ROOT_PREFIX", "MAMBA_EXE", "CONDA_EXE", "CONDA_PKGS_DIRS", "CONDA_ENVS_PATH",
        "CC", "CXX", "FC", "AR", "LD", "NM", "RANLIB", "STRIP", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "FFLAGS",
        "ARCHFLAGS", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "SDKROOT", "DEVELOPER_DIR", "MACOSX_DEPLOYMENT_TARGET",
        "MANPATH", "ACLOCAL_PATH", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "ROCM_HOME", "IN_NIX_SHELL",
        "PLAYWRIGHT_BROWSERS_PATH", "PLAYWRIGHT_DOWNLOAD_HOST", "PUPPETEER_CACHE_DIR", "PUPPETEER_EXECUTABLE_PATH",
        "PUPPETEER_SKIP_DOWNLOAD", "CYPRESS_CACHE_FOLDER", "CYPRESS_INSTALL_BINARY", "CHROME_BIN", "CHROME_PATH",
        "FIREFOX_BIN", "CHROMEDRIVER_PATH", "ELECTRON_MIRROR", "ELECTRON_CACHE", "ELECTRON_GET_USE_PROXY",
        "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_BUILDKIT",
        "GOPATH", "GOROOT", "GOBIN", "GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GONOSUMCHECK", "GOSUMDB",
        "GOINSECURE", "GOFLAGS", "GOCACHE", "GOMODCACHE", "GOTOOLCHAIN", "GOENV", "GOEXPERIMENT", "GOAUTH", "GOOS",
        "GOARCH", "GOARM", "GOAMD64", "GO111MODULE", "GOTELEMETRY", "GOTELEMETRYDIR",
    }
)  # fmt: skip

#: Package managers: with the way into private registries, which a check needs as well (tox, nox, cargo install then).
_REGISTRIES = (
    "NPM_CONFIG_", "PNPM_", "YARN_", "BUN_", "DENO_", "PIP_", "PIPX_", "UV_", "POETRY_", "PDM_", "HATCH_", "RYE_",
    "CARGO_", "NUGET_", "BUNDLE_", "COMPOSER_", "HEX_",
)  # fmt: skip
#: Version managers, caches, compilers. What of it opens a door (a token to download with) stays with the app.
_FAMILIES = (
    "LC_", "COREPACK_", "NVM_", "FNM_", "VOLTA_", "RUSTUP_", "SCCACHE_", "CCACHE_", "MISE_", "ASDF_", "SDKMAN_",
    "PROTO_", "AQUA_", "ANDROID_", "DOTNET_", "GEM_", "MIX_", "COURSIER_", "CGO_", "PKG_CONFIG_", "CMAKE_", "CTEST_",
    "CONAN_", "VCPKG_", "EMSDK_", "NIX_", "GUIX_", "HOMEBREW_", "TESTCONTAINERS_", "SWIFTLY_", "ZIG_",
)  # fmt: skip

#: Of these families, what names one checkout, one running program or one shell: wrong in any other worktree.
_NOT_ELSEWHERE = frozenset(
    {
        "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_WORKING_DIRECTORY", "UV_WORKING_DIR", "UV_RUN_RECURSION_DEPTH",
        "UV_ENV_FILE", "POETRY_ACTIVE", "PDM_PROJECT", "PDM_RUN_CWD", "HATCH_ENV_ACTIVE", "BUNDLE_GEMFILE",
        "BUNDLE_BIN_PATH", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "PNPM_SCRIPT_SRC_DIR", "PNPM_PACKAGE_NAME",
        "NPM_CONFIG_LOCAL_PREFIX", "HATCH_ENV",
        # One folder of what is built, for all worktrees: one would run what was built from another's sources.
        "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR", "COMPOSER_VENDOR_DIR",
        "MIX_BUILD_PATH", "MIX_BUILD_ROOT", "MIX_DEPS_PATH",
    }
)  # fmt: skip

#: What signs or publishes: nothing that Maestro starts is to do that.
_PUBLISHING = re.compile(
    r"CARGO_REGISTRY_(TOKEN|CREDENTIAL.*)|UV_PUBLISH_.*|POETRY_PYPI_TOKEN_.*|HATCH_INDEX_.*|HEX_API_KEY|NUGET_API_KEY"
)
_SECRET = re.compile(r"TOKEN|PASSW(OR)?D|PASSPHRASE|SECRET|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|KEYSTORE|_PAT$")

#: Claude Code's own, whoever it works for: where its login and settings are. Never for checks.
CLAUDE_HOME = "CLAUDE_CONFIG_DIR"
#: What a subscription user may have instead of a login file (``claude setup-token``).
OAUTH_TOKEN = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 - a name, not a token

MODEL_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", OAUTH_TOKEN)

#: The clouds that Claude Code can work through: the variable that chooses one, and what its way in is made of.
CLOUDS = {
    "CLAUDE_CODE_USE_BEDROCK": ("Amazon Bedrock", ("AWS_", "ANTHROPIC_BEDROCK_", "BEDROCK_")),
    "CLAUDE_CODE_USE_MANTLE": ("Amazon Bedrock", ("AWS_", "ANTHROPIC_BEDROCK_", "BEDROCK_")),
    "CLAUDE_CODE_USE_ANTHROPIC_AWS": ("Claude on AWS", ("AWS_", "ANTHROPIC_AWS_")),
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD": (
        "Claude on Google Cloud",
        ("GOOGLE_", "GCLOUD_", "CLOUDSDK_", "ANTHROPIC_GOOGLE_CLOUD_"),
    ),
    "CLAUDE_CODE_USE_VERTEX": (
        "Google Vertex AI",
        ("GOOGLE_", "GCLOUD_", "GCP_", "CLOUDSDK_", "CLOUD_ML_", "VERTEX_", "ANTHROPIC_VERTEX_", "GCE_METADATA_"),
    ),
    "CLAUDE_CODE_USE_FOUNDRY": ("Microsoft Foundry", ("AZURE_", "ANTHROPIC_FOUNDRY_", "IDENTITY_", "MSI_")),
}
#: Which model stands for which: names only that account's endpoint knows.
_MODELS = ("ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_", "ANTHROPIC_SMALL_FAST_MODEL", "ANTHROPIC_CUSTOM_MODEL_OPTION")
#: With any cloud: who signs in, and how requests are made.
_WITH_CLOUDS = ("CLAUDE_CODE_USE_", "CLAUDE_CODE_SKIP_", "ANTHROPIC_CUSTOM_HEADERS", "DISABLE_PROMPT_CACHING")

#: A name the user passes on: a variable's, or a family's with a star at its end.
PASSED_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}\*?")
#: Maestro's own: passed on, they would lead from a check into the app.
_OWN = re.compile(r"MAESTRO_.*", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether what a variable of this name holds opens a door."""
    return bool(_SECRET.search(name.upper()))


def is_on(value: str | None) -> bool:
    """Whether a switch of Claude Code is set as it reads them."""
    return (value or "").strip().lower() in {"1", "true", "yes", "on"}


def of_the_machine(environ: Mapping[str, str]) -> dict[str, str]:
    """What everything gets that Maestro starts for a repository: the machine, its tools, the way to registries."""
    return {name: value for name, value in environ.items() if _is_of_the_machine(name)}


def for_claude(environ: Mapping[str, str], cloud: str | None) -> dict[str, str]:
    """What Claude Code needs to sign in as in the user's terminal; ``cloud`` is one of ``CLOUDS``, or None."""
    exact = {CLAUDE_HOME} | (set() if cloud else {OAUTH_TOKEN})
    families = (*_MODELS, *CLOUDS[cloud][1], *_WITH_CLOUDS) if cloud else _MODELS
    kept = {name: value for name, value in environ.items() if name in exact or name.startswith(families)}
    return {name: value for name, value in kept.items() if name not in CLOUDS or name == cloud}


def passed_on(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """What the user passes on by name, as far as it is set; ``DJANGO_*`` means all that begin so."""
    wanted = tuple(names)
    return {name: value for name, value in environ.items() if not _OWN.fullmatch(name) and _is_named(name, wanted)}


def refusal(name: str) -> str | None:
    """Why a name cannot be passed on; None when it can."""
    if "=" in name:
        return (
            f"{name.partition('=')[0]}: only the name is stored, never a value. Leave out what follows the equals sign."
        )
    if not PASSED_NAME.fullmatch(name):
        return f"{name[:80]} is not a variable name: letters, digits and _, and a * at the end for a whole family."
    if _OWN.match(name):
        return f"{name} is Maestro's own and is not passed on."
    return None


def _is_of_the_machine(name: str) -> bool:
    upper = name.upper()
    if upper in _NOT_ELSEWHERE or _PUBLISHING.fullmatch(upper):
        return False
    if name in _BASIC or name in _TOOLS or upper in _NETWORK or upper.startswith(_REGISTRIES):
        return True
    return upper.startswith(_FAMILIES) and not _SECRET.search(upper)


def _is_named(name: str, wanted: tuple[str, ...]) -> bool:
    return any(name.startswith(w[:-1]) if w.endswith("*") else name == w for w in wanted)
