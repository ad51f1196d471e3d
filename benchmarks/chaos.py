"""Kill Maestro at random, over and over, and see whether anything is ever lost.

A round is one session of twelve tasks in a real ``python app.py`` with real workers and a scripted model. Meanwhile the
app, its workers and their agents get SIGKILL at random points, the app also while it starts; a simulated user goes on
with whatever the session asks. At the end ``nothing_lost.py`` reads database and repository by itself.

    .venv/bin/python benchmarks/chaos.py 200            # alternately Claude Code and plain commands as agents
    .venv/bin/python benchmarks/chaos.py 200 -j 2       # two rounds side by side
    .venv/bin/python benchmarks/chaos.py 1 --seed 17    # one round again
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.nothing_lost import Acknowledged, checkout_state, violations
from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess, EventStream
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, bash, say, scenario, task_rule, write

_WIDTH = 3
_ENDED = {"completed", "cancelled"}

#: An agent without a model: it works in two steps, so that a kill may find it half-way.
_COMMAND = """
key=$(sed -n 's/^# Task \\(t[0-9]*\\):.*/\\1/p' | head -n 1)
printf 'half' > "$key.txt"; printf 'notes of %s' "$key" > "$key-notes.txt"; sleep 0.2
printf '%s\\n' "$key" > "$key.txt"; echo "wrote $key"
"""


def plan(layers: int) -> dict[str, Any]:
    """Layers of three tasks; each has a check, one asks before it starts."""
    tasks = []
    for number in range(_WIDTH * layers):
        above = [number - _WIDTH, (number + 1) % _WIDTH + (number // _WIDTH - 1) * _WIDTH] if number >= _WIDTH else []
        key = f"t{number + 1}"
        tasks.append(
            {
                "id": key,
                "title": f"Task {key}",
                "description": f"Write {key}.txt",
                "depends_on": sorted({f"t{n + 1}" for n in above}),
                "files": [f"{key}*.txt"],
                "acceptance": [f"{key}.txt is there"],
                "checks": [f"grep -qx {key} {key}.txt"],
                "requires_approval": number == _WIDTH,
            }
        )
    return {"summary": "Twelve files", "checks": ["ls t*.txt"], "tasks": tasks}


def script(layers: int) -> Any:
    """The planner's answer and what each worker does, in four model calls."""
    rules = [{"match": {"tool_schema_has": "tasks"}, "reply": [{"answer": plan(layers)}]}]
    for number in range(_WIDTH * layers):
        key = f"t{number + 1}"
        steps = [write(f"{key}.txt", f"{key}\n"), bash("sleep 0.2; ls"), {"content": [say("Done.")], "delay_s": 0.1}]
        # A kill between the model's word and the deed loses the deed; a real model looks and does it again.
        anew = task_rule(f"# Task {key}:", write(f"{key}.txt", f"{key}\n"), "Done now.", from_asked=True)
        anew["match"]["asked"] = "Nothing was changed"
        rules += [anew, task_rule(f"# Task {key}:", *steps)]
    return scenario(*rules)


@dataclass
class Round:
    """One session under fire."""

    folder: Path
    server: ScriptedServer
    chance: random.Random
    agent: str
    kills: int
    told: Acknowledged = field(default_factory=Acknowledged)
    hits: dict[str, int] = field(default_factory=lambda: {"app": 0, "starting app": 0, "worker": 0, "agent": 0})
    starts: list[float] = field(default_factory=list)
    session_id: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, timeout_s: float = 300) -> list[str]:
        """Play the round to its end; what was broken, as sentences."""
        repo = make_repo(self.folder / "a repo ✨", {"README.md": "Hello\n", "src/a.py": "a = 1\n"})
        (repo / "mine.txt").write_text("not committed")
        (repo / "README.md").write_text("Hello, edited\n")
        before = checkout_state(repo)
        self.app = AppProcess(
            self.folder / "data",
            MAESTRO_ASSISTANT="anthropic",
            ANTHROPIC_API_KEY=DUMMY_KEY,
            ANTHROPIC_BASE_URL=self.server.url,
            # Named, so that it does not depend on what lies above the temporary folder of this machine.
            MAESTRO_WORKTREES_DIR=str(self.worktrees),
            MAESTRO_WORKTREES_INSIDE_PROJECT="true",
            # In every other round worktrees are handed from task to task, as in large repositories.
            MAESTRO_LARGE_REPOSITORY_FILES=self.chance.choice(["1", "5000"]),
        )
        threads = [threading.Thread(target=job, daemon=True) for job in (self._listen, self._watch, self._shoot)]
        try:
            self._start()
            for thread in threads:
                thread.start()
            ended = self._user(repo, time.monotonic() + timeout_s)
            self.over.set()
            for thread in threads:
                thread.join(90)
            time.sleep(0.5)  # the last worktree goes after the last event
            self.app.terminate()
            self._start()  # whatever the last kill left is for this start to tidy up
            self._settle()
            self.app.terminate()
            left = self._processes()
            found = violations(self.folder / "data", repo, before, self.told)
            return [
                *([] if ended else ["the session did not end"]),
                *found,
                *([f"processes left: {left}"] if left else []),
            ]
        finally:
            self.over.set()
            with contextlib.suppress(RuntimeError):
                if self.app.returncode is None:
                    self.app.kill()
            self.app.kill_workers()

    @property
    def worktrees(self) -> Path:
        """The folder of all worktrees."""
        return self.folder / "data" / "worktrees"

    # -- the user ----------------------------------------------------------------------------------------------------

    def _user(self, repo: Path, deadline: float) -> bool:
        """Do what a user would do in each state, again after each crash, until the session has ended."""
        cancels = self.chance.random() < 0.15
        while time.monotonic() < deadline:
            try:
                with self.app.client() as api:
                    if not self.session_id:
                        self._create(api, repo)
                    status = self._look(api, cancels)
                if status in _ENDED and self.over.wait(0.1) is False:
                    return True
            except (httpx.HTTPError, ValueError):
                pass
            time.sleep(0.1)
        return False

    def _create(self, api: httpx.Client, repo: Path) -> None:
        config = {"command": ["/bin/sh", "-c", _COMMAND]} if self.agent == "command" else {}
        new = {"title": "Chaos", "repo_path": str(repo), "description": "Twelve files", "agent_type": self.agent}
        made = api.post("/api/sessions", json=new | {"agent_config": config | {"permission_mode": "bypass"}})
        self.session_id = made.raise_for_status().json()["id"]

    def _look(self, api: httpx.Client, cancels: bool) -> str:
        path = f"/api/sessions/{self.session_id}"
        seen = api.get(path).raise_for_status().json()
        status = str(seen["status"])
        if status == "brainstorming" and len(self.told.messages) < 2:
            posted = api.post(f"{path}/messages", json={"content": f"More {len(self.told.messages)}"})
            if posted.status_code == 202:
                self.told.messages.add(posted.json()["id"])
            return status
        steps = {
            "idle": "start",
            "brainstorming": "plan",
            "plan_review": "plan/approve",
            "approved": "execute",
            "failed": "retry",
        }
        if status in steps:
            api.post(f"{path}/{steps[status]}")
        elif status == "paused":
            api.post(f"{path}/resume")
        elif status == "executing":
            self._execute(api, path, seen, cancels)
        return status

    def _execute(self, api: httpx.Client, path: str, seen: dict[str, Any], cancels: bool) -> None:
        for asked in api.get("/api/approvals").raise_for_status().json()["items"]:
            if api.post(f"/api/approvals/{asked['id']}", json={"decision": "allow"}).status_code == 200:
                self.told.approvals[asked["id"]] = "allowed"
        if self.chance.random() < 0.02:
            api.post(f"{path}/pause")
        elif cancels and seen["progress"] > 0.4 and api.post(f"{path}/pause").status_code == 200:
            self.told.work = self._uncommitted()
            api.post(f"{path}/cancel", json={"reason": "chaos"})

    def _uncommitted(self) -> dict[str, str]:
        """Files in the worktrees of a paused session; nobody writes there now, but git, in one that is just being made."""
        before = self._files()
        time.sleep(0.3)
        return {path: text for path, text in self._files().items() if before.get(path) == text}

    def _files(self) -> dict[str, str]:
        found = {}
        for path in (self.worktrees / self.session_id).glob("*/*.txt"):
            with contextlib.suppress(OSError):
                found[str(path)] = path.read_text()
        return found

    # -- those who listen, watch and shoot -----------------------------------------------------------------------------

    def _listen(self) -> None:
        """Remember every event that anybody may have seen."""
        while not self.over.is_set():
            with contextlib.suppress(Exception), contextlib.closing(self._stream()) as stream:
                while not self.over.is_set():
                    with contextlib.suppress(TimeoutError):
                        event = stream.next(0.5)
                        self.told.events[event["seq"]] = event["type"]
                        if event["type"] == "log_entry":
                            self.told.logs[event["id"]] = event["message"]
            time.sleep(0.1)

    def _stream(self) -> EventStream:
        return self.app.events(after=max(self.told.events, default=0))

    def _watch(self) -> None:
        """Look for two living workers on one task."""
        while not self.over.wait(0.25):
            for task, pids in self._sighted().items():
                # A child that was forked and has not become its program yet looks like its parent, for a moment.
                if len(pids) > 1 and not self.over.wait(0.3) and len(pids & self._sighted().get(task, set())) > 1:
                    self.told.doubled_workers.append(f"two workers on task {task}: {sorted(pids)}")

    def _sighted(self) -> dict[str, set[int]]:
        """Process ids of living workers by task, read from their spools."""
        tasks: dict[str, set[int]] = {}
        for worker in self._workers():
            with contextlib.suppress(OSError, psutil.Error, IndexError):
                spec = Path(worker.cmdline()[-1], "spec.json").read_text()
                tasks.setdefault(spec.partition('"task_id": "')[2][:36], set()).add(worker.pid)
        return tasks

    def _shoot(self) -> None:
        for _ in range(self.kills):
            if self.over.wait(self.chance.uniform(0.1, 2.5)):
                return
            target = self.chance.choice(["app", "app", "worker", "agent"])
            if target == "app":
                self.app.kill()
                self.hits["app"] += 1
                self._start(disturbed=self.chance.random() < 0.3)
                continue
            workers = self._workers()
            victims = workers if target == "worker" else [c for w in workers for c in _children(w)]
            if victims:
                with contextlib.suppress(psutil.Error):
                    self.chance.choice(victims).kill()
                    self.hits[target] += 1

    def _start(self, *, disturbed: bool = False) -> None:
        if disturbed:
            killer = threading.Timer(self.chance.uniform(0.3, 2.5), lambda: self.app.kill())
            killer.start()
            with contextlib.suppress(AssertionError):
                self.app.start()
            killer.join()
            if self.app.returncode is None:  # the shot came before the process was there
                self.app.kill()
            self.hits["starting app"] += 1
        began = time.monotonic()
        self.app.start()
        self.starts.append(time.monotonic() - began)

    def _settle(self) -> None:
        """Give the last start a moment to close what is open."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and (self._processes(but=self.app.pid) or any(self.worktrees.glob("*/*"))):
            time.sleep(0.1)

    def _workers(self) -> list[psutil.Process]:
        return [p for p, command in self._having(str(self.folder / "data" / "workers")) if "maestro.worker" in command]

    def _processes(self, but: int | None = None) -> list[str]:
        return [f"{p.pid} {command[:4]}" for p, command in self._having(str(self.folder / "data")) if p.pid != but]

    def _having(self, text: str) -> list[tuple[psutil.Process, list[str]]]:
        """Processes with this in their command line, and it: psutil shares ``info`` between the rounds' threads."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            command = list(process.info["cmdline"] or ())
            if any(text in part for part in command):
                found.append((process, command))
        return found


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def play(
    seed: int, agent: str, kills: int, *, layers: int = 4, keep: bool = False, timeout_s: float = 300
) -> tuple[list[str], Round]:
    """One round; the folder of one that lost something is kept when ``keep``."""
    folder = Path(tempfile.mkdtemp(prefix=f"maestro-chaos-{seed}-"))
    with ScriptedServer(script(layers)) as server:
        game = Round(folder, server, random.Random(seed), agent, kills)
        broken = game.run(timeout_s)
    if not (broken and keep):
        shutil.rmtree(folder, ignore_errors=True)
    return broken, game


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("rounds", type=int, help="how many rounds")
    arguments.add_argument("--seed", type=int, default=None, help="the first round's seed (default: by the clock)")
    arguments.add_argument("--agent", choices=["claude_code", "command", "both"], default="both")
    arguments.add_argument("--kills", type=int, default=12, help="shots a round at most (default 12)")
    arguments.add_argument("-j", "--jobs", type=int, default=1, help="rounds side by side (default 1)")
    arguments.add_argument(
        "--seconds", type=float, default=300, help="a session may take (default 300; more on a busy machine)"
    )
    given = arguments.parse_args()
    seed = int(time.time()) % 1_000_000 if given.seed is None else given.seed

    def one(number: int) -> tuple[bool, Round | None]:
        agent = given.agent if given.agent != "both" else ("claude_code", "command")[number % 2]
        began = time.monotonic()
        try:
            broken, game = play(number, agent, given.kills, keep=True, timeout_s=given.seconds)
        except Exception as error:  # the other rounds are played, and counted
            print(f"seed {number} {agent:11} could not be played to its end: {error!r}", flush=True)
            return True, None
        shots = ", ".join(f"{n} {count}" for n, count in game.hits.items() if count)
        verdict = f"LOST ({game.folder})" if broken else "ok"
        line = f"seed {number} {agent:11} {time.monotonic() - began:5.1f} s  killed: {shots or 'nothing':40} {verdict}"
        print("\n    ".join([line, *broken]), flush=True)
        return bool(broken), game

    with ThreadPoolExecutor(given.jobs) as side_by_side:
        played = list(side_by_side.map(one, range(seed, seed + given.rounds)))
    lost = sum(broken for broken, _ in played)
    games = [game for _, game in played if game is not None]
    starts = [seconds for game in games for seconds in game.starts] or [0.0]
    hits = {name: sum(game.hits[name] for game in games) for name in (games[0].hits if games else ())}
    print(f"{given.rounds} rounds, killed {hits}; rounds with a violation: {lost}")
    print(f"slowest start {max(starts):.2f} s, median {sorted(starts)[len(starts) // 2]:.2f} s ({len(starts)} starts)")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
