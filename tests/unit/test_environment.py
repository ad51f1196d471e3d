"""Which of the user's variables reach workers, checks and set-up, and which stay with the app."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from maestro.core.kernel import claude_login, endpoint
from maestro.core.kernel.endpoint import Endpoint
from maestro.core.workspaces.environ import command_environment, worker_environment
from maestro.errors import InvalidInput
from maestro.settings import LoadedSettings, Settings

LOGIN = Endpoint("claude_code")
NOBODY = {"PATH": "/usr/bin", "HOME": "/nowhere"}

_MACHINE = """
    PATH HOME TZ LC_CTYPE SSH_AUTH_SOCK HTTPS_PROXY https_proxy FTP_PROXY SSL_CERT_FILE CURL_CA_BUNDLE AWS_CA_BUNDLE
    GIT_SSL_CAINFO NPM_CONFIG_REGISTRY npm_config_registry NPM_CONFIG_USERCONFIG YARN_NPM_REGISTRY_SERVER PNPM_HOME
    PIP_INDEX_URL PIP_CONFIG_FILE UV_INDEX_URL UV_INDEX_WORK_PASSWORD UV_CACHE_DIR POETRY_HTTP_BASIC_WORK_PASSWORD
    POETRY_CACHE_DIR CARGO_HOME CARGO_REGISTRIES_WORK_INDEX CARGO_REGISTRIES_WORK_TOKEN RUSTUP_HOME JAVA_HOME
    MAVEN_OPTS GRADLE_USER_HOME GOPATH GOROOT GOPROXY GOPRIVATE GOFLAGS NVM_DIR VOLTA_HOME FNM_DIR PYENV_ROOT
    RBENV_ROOT MISE_DATA_DIR ASDF_DATA_DIR SDKMAN_DIR ANDROID_HOME ANDROID_SDK_ROOT DOTNET_ROOT NUGET_PACKAGES
    GEM_HOME BUNDLE_PATH BUN_INSTALL DENO_DIR COMPOSER_HOME CC CFLAGS LD_LIBRARY_PATH PKG_CONFIG_PATH
    CMAKE_PREFIX_PATH CUDA_HOME NIX_PATH DOCKER_HOST PLAYWRIGHT_BROWSERS_PATH CHROME_BIN XDG_CACHE_HOME
    GIT_CONFIG_GLOBAL COREPACK_HOME CCACHE_DIR
"""
MACHINE = {name: f"/{name}" for name in _MACHINE.split()}
_STAYS = """
    ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CONFIG_DIR MAESTRO_TOKEN OPENAI_API_KEY
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE GOOGLE_APPLICATION_CREDENTIALS
    AZURE_CLIENT_SECRET ANTHROPIC_FOUNDRY_API_KEY ANTHROPIC_CUSTOM_HEADERS GITHUB_TOKEN GH_TOKEN NPM_TOKEN
    DATABASE_URL STRIPE_SECRET_KEY CARGO_REGISTRY_TOKEN UV_PUBLISH_TOKEN POETRY_PYPI_TOKEN_PYPI TWINE_PASSWORD
    MISE_GITHUB_TOKEN HOMEBREW_GITHUB_API_TOKEN ANDROID_KEYSTORE_PASSWORD UV_PROJECT_ENVIRONMENT BUNDLE_GEMFILE
    VIRTUAL_ENV PYTHONPATH PYTEST_ADDOPTS MAKEFLAGS GIT_DIR GIT_INDEX_FILE GIT_CONFIG_PARAMETERS CLAUDECODE
"""
STAYS = {name: f"secret-{name}" for name in _STAYS.split()}


def _settings(**values: Any) -> Settings:
    return LoadedSettings(flags=values, environment={}, dotenv=None).current


def test_tool_homes_registries_and_the_network_reach_checks_set_up_and_workers(tmp_path: Path) -> None:
    everything = MACHINE | STAYS
    for env in (
        command_environment(_settings(), {}, everything),
        worker_environment(Endpoint("anthropic", api_key="key"), tmp_path, everything),
        worker_environment(Endpoint("demo", base_url="http://127.0.0.1:1"), tmp_path, everything) | {"HOME": "/HOME"},
    ):
        assert {name: env.get(name) for name in MACHINE} == MACHINE


def test_what_opens_a_door_or_belongs_to_another_place_does_not_reach_checks_and_set_up() -> None:
    env = command_environment(_settings(), {}, MACHINE | STAYS)
    assert not env.keys() & STAYS.keys() - {"UV_PROJECT_ENVIRONMENT"}
    assert env["UV_PROJECT_ENVIRONMENT"] == ".venv"  # the worktree's own, whatever the user's shell says
    assert env["CI"] == "1"


@pytest.mark.parametrize("named", ["DATABASE_URL", "DATABASE_*"])
def test_what_the_user_names_reaches_checks_and_workers_for_the_installation_and_for_a_repository(
    named: str, tmp_path: Path
) -> None:
    environ = {**NOBODY, "DATABASE_URL": "postgres://here", "DATA": "no", "MAESTRO_TOKEN": "t"}
    everywhere = _settings(pass_env=[named])
    of_the_session = {"pass_env": [named]}
    for env in (
        command_environment(everywhere, {}, environ),
        command_environment(_settings(), of_the_session, environ),
        worker_environment(LOGIN, tmp_path, environ, settings=everywhere),
        worker_environment(LOGIN, tmp_path, environ, settings=_settings(), agent_config=of_the_session),
    ):
        assert env["DATABASE_URL"] == "postgres://here"
        assert not {"DATA", "MAESTRO_TOKEN"} & env.keys()
    assert "DATABASE_URL" not in command_environment(_settings(), {}, environ)


@pytest.mark.parametrize(
    ("listed", "read"),
    [("A, B_*", ["A", "B_*"]), ("A B\nC", ["A", "B", "C"]), (" ", []), ("A,A,", ["A"])],
)
def test_names_are_read_from_one_variable(listed: str, read: list[str]) -> None:
    loaded = LoadedSettings(environment={"MAESTRO_PASS_ENV": listed}, dotenv=None)
    assert loaded.current.pass_env == read


@pytest.mark.parametrize("wrong", ["A=1", "MAESTRO_TOKEN", "maestro_*", "*", "A-B", "1A", "A B"])
def test_a_value_or_what_is_no_name_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _settings(pass_env=[wrong])
    assert "pass_env" in refused.value.fields


@pytest.mark.parametrize(
    ("switch", "way_in"),
    [
        (
            "CLAUDE_CODE_USE_BEDROCK",
            ["AWS_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_BEARER_TOKEN_BEDROCK",
             "ANTHROPIC_BEDROCK_BASE_URL", "ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION", "CLAUDE_CODE_SKIP_BEDROCK_AUTH"],
        ),
        (
            "CLAUDE_CODE_USE_VERTEX",
            ["ANTHROPIC_VERTEX_PROJECT_ID", "CLOUD_ML_REGION", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT",
             "VERTEX_REGION_CLAUDE_4_0_SONNET", "CLOUDSDK_CONFIG", "ANTHROPIC_VERTEX_BASE_URL"],
        ),
        (
            "CLAUDE_CODE_USE_FOUNDRY",
            ["ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_API_KEY", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"],
        ),
    ],
)  # fmt: skip
def test_a_cloud_reaches_workers_and_assistant_with_its_own_way_in_and_no_other(
    switch: str, way_in: list[str], tmp_path: Path
) -> None:
    others = {"AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_SECRET"} - set(way_in)
    expected = dict.fromkeys(way_in, "value") | {switch: "1", "ANTHROPIC_MODEL": "m"}
    environ = {**NOBODY, **expected, **dict.fromkeys(others, "other"), "CLAUDE_CODE_OAUTH_TOKEN": "oat"}
    worker = worker_environment(LOGIN, tmp_path, environ)
    for env in (worker, claude_login.assistant_environment(environ)):
        assert {name: env.get(name) for name in expected} == expected
        assert not env.keys() & (others | {"CLAUDE_CODE_OAUTH_TOKEN"})
    assert not command_environment(_settings(), {}, environ).keys() & expected.keys()


def test_an_endpoint_of_maestros_settings_comes_before_a_cloud(tmp_path: Path) -> None:
    environ = {**NOBODY, "CLAUDE_CODE_USE_BEDROCK": "1", "AWS_PROFILE": "work", "CLAUDE_CONFIG_DIR": "/c"}
    local = Endpoint("anthropic", base_url="http://127.0.0.1:11434", api_key="none-needed")
    env = worker_environment(local, tmp_path, environ)
    assert not {"CLAUDE_CODE_USE_BEDROCK", "AWS_PROFILE"} & env.keys()
    assert env["CLAUDE_CONFIG_DIR"] == "/c"


def test_the_demo_has_no_part_of_the_users_login(tmp_path: Path) -> None:
    environ = {**NOBODY, "CLAUDE_CONFIG_DIR": "/c", "CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_OAUTH_TOKEN": "oat"}
    env = worker_environment(
        Endpoint("demo", base_url="http://127.0.0.1:1", api_key="demo"), tmp_path / "home", environ
    )
    assert not env.keys() & (environ.keys() - {"PATH", "HOME"})
    assert env["HOME"] == str(tmp_path / "home")


@pytest.mark.parametrize(
    ("files", "variables", "signed_in"),
    [
        ({}, {}, False),
        ({".credentials.json": "{}"}, {}, True),
        ({}, {"CLAUDE_CODE_OAUTH_TOKEN": "oat"}, True),
        ({}, {"CLAUDE_CODE_USE_BEDROCK": "1"}, True),
        ({}, {"CLAUDE_CODE_USE_VERTEX": "true"}, True),
        ({}, {"CLAUDE_CODE_USE_FOUNDRY": "on"}, True),
        ({}, {"CLAUDE_CODE_USE_BEDROCK": "0"}, False),
        ({"settings.json": json.dumps({"env": {"CLAUDE_CODE_USE_BEDROCK": "1"}})}, {}, True),
        ({"settings.json": json.dumps({"env": {"ANTHROPIC_AUTH_TOKEN": "t"}})}, {}, True),
        ({"settings.json": json.dumps({"apiKeyHelper": "/bin/key"})}, {}, True),
        ({"settings.json": "[1"}, {}, False),
        ({"settings.json": "[1]"}, {}, False),
        ({"settings.json": '{"env": [1]}'}, {}, False),
        ({"settings.json": "[" * 100_000}, {}, False),
    ],
)
def test_a_login_is_seen_wherever_claude_code_keeps_it(
    files: dict[str, str], variables: dict[str, str], signed_in: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "claude-config"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    assert claude_login.has_login(tmp_path, {**variables, "CLAUDE_CONFIG_DIR": str(folder)}) is signed_in
    folder.rename(tmp_path / ".claude")
    assert claude_login.has_login(tmp_path, variables) is signed_in


@pytest.mark.parametrize(
    ("configured", "kind"),
    [
        ({}, "claude_code"),
        ({"anthropic_api_key": "sk"}, "claude_code"),  # as Claude Code itself decides
        ({"anthropic_base_url": "http://127.0.0.1:1"}, "anthropic"),
        ({"assistant": "anthropic", "anthropic_api_key": "sk"}, "anthropic"),
        ({"assistant": "demo"}, "demo"),
    ],
)
def test_with_a_cloud_in_the_shell_the_assistant_works_through_claude_code(
    configured: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_USE_BEDROCK", "1")
    assert endpoint.describe(_settings(**configured)) == kind


def test_what_a_cloud_needs_is_taken_from_the_users_claude_settings_for_the_assistant(tmp_path: Path) -> None:
    chosen = {"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_PROFILE": "work"}
    (tmp_path / "settings.json").write_text(json.dumps({"env": chosen}))
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path), "AWS_REGION": "eu-central-1"}
    assert claude_login.assistant_environment(environ) == {**chosen, **environ}


def test_maestros_own_environment_is_not_the_users_unless_the_user_activated_it() -> None:
    own = f"{sys.prefix}/bin"
    shell = {**NOBODY, "PATH": f"{own}:/usr/bin", "VIRTUAL_ENV": sys.prefix}
    assert command_environment(_settings(), {}, shell)["PATH"] == "/usr/bin"
    activated = shell | {"VIRTUAL_ENV_PROMPT": "maestro"}
    assert command_environment(_settings(), {}, activated)["PATH"] == shell["PATH"]
    without = {**NOBODY, "PATH": f"{own}:/usr/bin"}
    assert command_environment(_settings(), {}, without)["PATH"] == without["PATH"]


def test_environments_are_told_to_live_in_the_worktree_and_builds_never_share_a_folder() -> None:
    told = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "PIPENV_VENV_IN_PROJECT": "1", "UV_PROJECT_ENVIRONMENT": ".venv"}
    elsewhere = {"POETRY_VIRTUALENVS_IN_PROJECT": "false", "UV_PROJECT_ENVIRONMENT": "/home/me/env"}
    shared = {"CARGO_TARGET_DIR": "/home/me/target", "CARGO_BUILD_TARGET_DIR": "/t", "MIX_BUILD_PATH": "/b"}
    env = command_environment(_settings(), {}, MACHINE | elsewhere | shared)
    assert env | told == env
    assert not env.keys() & shared.keys()
    assert "PYTHONDONTWRITEBYTECODE" not in env
