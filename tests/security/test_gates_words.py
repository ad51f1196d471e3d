# ruff: noqa: E501 - lists of characters and commands
"""Only what the judge reads exactly as the shell does is free; every other spelling asks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from maestro.agents.gates import judge
from maestro.agents.shell import parse

#: Blanks, controls and characters that nobody sees; none of them is a separator for a shell.
_UNSEEN = [chr(code) for code in (
    0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x0d, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x7f, 0x85, 0x9b, 0xa0, 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x1680,
    0x180e, 0x2000, 0x2003, 0x2009, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x202f, 0x205f, 0x2060,
    0x2066, 0x2069, 0x2800, 0x3000, 0x3164, 0xd800, 0xe000, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xe0041, 0xe0100,
)]  # fmt: skip

_OTHERWISE = r"""
cat $'src/a.py'
cat $"src/a.py"
cat src/{a,b}.py
cat src/a{1..3}
cat <(cat src/a.py)
cat src/a.py >(cat)
cat <> src/a.py
cat src/a.py >& x
cat src/a.py &> x
cat src/a.py &>> x
cat src/a.py >| x
cat <<< x
echo $((1+1))
echo $[1+1]
echo $IFS
cat${IFS}src/a.py
cat $a
a=src; cat $a
a=1
a+=1 ls
a[1]=x ls
ls \
src\ a
cat src/a\.py
coproc ls
function ls { rm x; }
ls() { rm x; }
alias ls=rm
[[ -f src/a.py ]]
if true; then ls; fi
for i in a; do ls; done
while true; do ls; done
case a in a) ls;; esac
select a in b; do ls; done
{ ls; }
(ls)
! ls
ls |& cat
ls &
ls ;; ls
ls !(a)
ls @(a|b)
ls +(a)
cat ~root/x
cat ~+/x
cat ~-/x
cat ~nobody
cat ''~/x
make a=~/x
cat a:~/x
cat =ls
command cat src/a.py
builtin echo x
exec cat src/a.py
eval cat src/a.py
history
fc -s
echo "!!"
cat "$HOME"
cat "`id`"
CDPATH=/ cd etc && ls
IFS=x ls
shopt -s extglob
set -o noglob
trap ls EXIT
hash -p src/a.py ls
enable -f x ls
printf '%n' PATH
pushd / && ls
""".strip().splitlines()

_LEADS_OUT = r"""
grep -R '' s*
grep -R '' chain
grep -r --dereference-recursive '' inner
grep x .*/x
cat */secret
cat ?ink/secret
cat [a-z]ink/secret
cat l*
cat **/secret
ls -RL
ls -L inner/deep
diff -r inner src
diff inner src
du -L inner
tree -l inner
rg -L x inner
find -L inner
cd src && rg -L x ../inner
cd src && find -L ../inner
cd src && tree -l ../inner
sort --files0-from=list
wc --files0-from=list
du --files0-from=list
md5sum -c list
sha256sum --check list
sort -o/etc/x src/a.py
sort --output=/etc/x src/a.py
sort -uosecret src/a.py
grep -f/etc/passwd src/a.py
grep -nf/etc/passwd src/a.py
grep -f../outside/secret src/a.py
grep -fsecret src/a.py
grep -nfsecret src/a.py
grep --file=../outside/secret src/a.py
du -X../outside/secret src
ls -I../..
ls -I..
cat if=/etc/passwd
git diff -O/etc/passwd
git diff -O../outside/secret
git blame --contents=../outside/secret src/a.py
git grep -f../outside/secret
cp -rL inner new
cp -aL inner new
echo ../outside/*
echo /etc/*
echo link/*
cd dash && grep x *
cd dash && wc *
cd dash && cat [-]*
comm src/a.py ../outside/secret
paste secret
od link/secret
file -f secret
file -m../outside/secret src/a.py
file -C -m src/a.py
sha512sum -c list
jq . secret
jq -f list src/a.py
jq --rawfile x secret . list
jq '$ENV' list
jq env list
jq -n 'input' secret
jq 'include "a"; .' list
jq '[range(1e9)]' list
sed -n '/x/w../outside/secret' src/a.py
sed -n '/x/e' src/a.py
sed -n '/a/,/b/d;w x' src/a.py
seq 1 999999999
sleep 100000
hostname evil
type -a ls x=1 $(id)
command ls
command -v 'a b' ../x
git tag v1
git tag -d v1
git stash
git stash drop
git reflog expire --all
git reflog delete HEAD@{0}
git worktree add x
git worktree prune
git symbolic-ref HEAD refs/heads/x
git config user.name x
git config --get http.extraheader
git config --list
git check-ignore --stdin-paths ../outside/secret
""".strip().splitlines()

_FREE = r"""
cat src/a.py
cat 'src/a.py' "src/a.py" src"/a.py"
ls	-la
ls && cat src/*.py | head -3; git status
grep -rn 'x' src
grep -R x src
grep -R x sr*
echo 'a  b' "größe" ünï
cat "a  b"
git log --oneline HEAD~3
git diff HEAD~1 -- src/a.py
diff -u src/a.py src/b.py
diff -r src src
ls -d src/*/
find . -name '*.py' -path './src/*'
wc -l src/*.py
du -sh src
md5sum src/a.py
sha512sum src/a.py
test a = b
comm src/a.py src/b.py
paste -d, src/a.py src/b.py
rev src/a.py
od -c src/a.py | head
file src/a.py
column -t src/a.py
nproc; id; uptime
sleep 2 && seq 1 10
command -v python3 node
type pytest
jq -r '.scripts.test' list
cat list | jq '.a[0] | keys'
sed -n '/x/,/y/p' src/a.py
sed -n '/class A:/p' src/a.py
git tag
git tag -l 'v1.*'
git stash list
git reflog -n 5
git worktree list
git show-ref
git for-each-ref refs/heads
git config --get user.name
git symbolic-ref --short HEAD
git check-ignore src/a.py
""".strip().splitlines()


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    tree = tmp_path / "wt"
    for folder in ("src", "inner", "dash", "../outside", "src/sub"):
        (tree / folder).mkdir(parents=True)
    for file in ("src/a.py", "src/b.py", "dash/-R", "dash/--files0-from=x", "../outside/secret", "list"):
        (tree / file).write_text("x\n")
    (tree / "link").symlink_to("../outside")
    (tree / "secret").symlink_to("../outside/secret")
    (tree / "chain").symlink_to("inner")
    (tree / "inner/deep").symlink_to("../../outside")
    return tree


def action(worktree: Path, line: str) -> str:
    return judge("edits", "Bash", {"command": line.replace("<wt>", str(worktree))}, worktree).action


@pytest.mark.parametrize("char", _UNSEEN, ids=lambda c: f"U+{ord(c):04X}")
def test_an_unseen_character_makes_a_command_unreadable_wherever_it_stands(worktree: Path, char: str) -> None:
    for line in (
        f"cat{char}src/a.py",
        f"cat src/a.py >{char}/dev/null",
        f"ls{char}",
        f"{char}ls",
        f"echo 'a{char}b'",
        f'grep "x{char}" src',
    ):
        assert parse(line) is None
        assert action(worktree, line) == "ask", line


def test_a_check_with_an_unseen_character_is_no_check(worktree: Path) -> None:
    for line in ("pytest -q\u00a0", "\u00a0pytest -q", "pytest\u00a0-q", "pytest -q\r"):
        assert judge("edits", "Bash", {"command": line}, worktree, ["pytest -q"]).action == "ask"
    assert judge("edits", "Bash", {"command": " pytest -q\n"}, worktree, ["pytest -q"]).action == "allow"


def test_a_check_elsewhere_is_no_check(worktree: Path) -> None:
    outside = worktree.parent / "outside"
    assert judge("edits", "Bash", {"command": "make x"}, worktree, ["make x"], (), outside).action == "ask"
    assert judge("edits", "Bash", {"command": "ls; make x"}, worktree, ["make x"], (), outside).action == "ask"
    assert judge("edits", "Bash", {"command": "ls a*"}, worktree, ["ls 'a*'"], (), outside).action == "ask"


@pytest.mark.parametrize("line", [*_OTHERWISE, "cat src/a.py \\\n../outside/secret", "ls # x", "cat <<E\nx\nE"])
def test_what_a_shell_reads_in_its_own_way_asks(worktree: Path, line: str) -> None:
    assert action(worktree, line) == "ask"


@pytest.mark.parametrize("line", _LEADS_OUT)
def test_paths_are_found_wherever_they_stand_and_links_followed_everywhere(worktree: Path, line: str) -> None:
    assert action(worktree, line) == "ask"


@pytest.mark.parametrize(
    "tool", ["yarn", "cargo", "rustc", "mvn", "gradle", "dotnet", "poetry", "pnpm", "pytest", "go"]
)
def test_a_tool_that_the_project_may_replace_is_asked_about_before_it_tells_its_version(
    worktree: Path, tool: str
) -> None:
    """``.yarnrc.yml`` names the yarn that runs, ``rust-toolchain.toml`` the compiler, ``.mvn/jvm.config`` an agent of Java…"""
    assert judge("ask", "Bash", {"command": f"{tool} --version"}, worktree).action == "ask"
    assert judge("ask", "Bash", {"command": "node --version"}, worktree).action == "allow"


@pytest.mark.parametrize("line", [*_FREE, "ls\ncat src/a.py\n", "\n ls \n\n pwd &&\n ls", "cat 'a\nb'"])
def test_ordinary_commands_stay_free(worktree: Path, line: str) -> None:
    assert action(worktree, line) == "allow"


def test_new_lines_separate_as_semicolons_do() -> None:
    parsed = parse("a b\n\nc |\nd")
    assert parsed is not None
    assert [(c.operator, c.words) for c in parsed] == [("", ["a", "b"]), (";", ["c"]), ("|", ["d"])]
    assert parse("a\n;b") is None
    assert parse("a &&\n") is None


def test_where_the_shell_looks_for_folders_elsewhere_first_cd_asks(
    worktree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert action(worktree, "cd src && ls") == "allow"
    monkeypatch.setenv("CDPATH", str(worktree.parent))
    assert action(worktree, "cd src && ls") == "ask"
    assert action(worktree, "cd ./src && ls") == "allow"


def test_the_case_that_was_seen(worktree: Path) -> None:
    (worktree / "\u00a0/dev").mkdir(parents=True)
    victim = worktree.parent / "bashrc"
    victim.write_text("mine")
    (worktree / "\u00a0/dev/null").symlink_to(victim)
    line = "echo evil >\u00a0/dev/null"
    assert action(worktree, line) == "ask"
    subprocess.run(["bash", "-c", line], cwd=worktree, check=True)
    assert victim.read_text() == "evil\n"  # so it does harm, and has to ask
