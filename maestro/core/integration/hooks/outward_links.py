"""Links that lead out of the repository: nobody else has what is behind them, and no check may be proven by it."""

from __future__ import annotations

from maestro.core.approvals.question import LINKS, Question
from maestro.core.integration.hooks import HookContext
from maestro.core.proving.findings import Finding
from maestro.worktrees import links, nested, submodules


def none_unasked(landing: HookContext) -> Finding | Question | None:
    """A link in the place of an ignored folder goes back to the agent; any other that leads out is asked about."""
    own = links.committed(landing.worktree, landing.start, landing.head)
    found = own | _in_submodules(landing)
    if not found:
        return None
    stand_ins = links.would_be_ignored(landing.worktree, own)
    if stand_ins:
        return _committed_stand_ins({path: found[path] for path in stand_ins})
    items = {f"{path} -> {says}": path for path, says in found.items()}
    open_ones = [item for item in items if item not in landing.accepted("outside_files")]
    if not open_ones:
        return None
    shown = ", ".join(open_ones[:5]) + (f" and {len(open_ones) - 5} more" if len(open_ones) > 5 else "")
    prompt = (
        "# Links that lead out of the repository\n\nThese links that you committed lead to places outside of it, which "
        f"nobody else has:\n{_listed(open_ones)}\n\nPut the content itself where the link is, or put back what was "
        "there. Links between files of the repository are fine when they are relative."
    )
    detail = {
        "files": [items[item] for item in open_ones[:500]],
        "declared": landing.task.files,
        "reason": "The files they point to are not in any commit. Checks run without them.",
        "what": LINKS,
        "allow": "commit the links",
        "deny": "send it back",
    }
    title = f"{landing.task.key} committed links that lead out of the repository: {shown}"
    return Question("outside_files", title[:400], open_ones, prompt, detail, risk="high")


def _in_submodules(landing: HookContext) -> dict[str, str]:
    """Those in commits of submodules; from there the repository around it is outside, too."""
    found: dict[str, str] = {}
    for path, commit in submodules.moved(landing.worktree, landing.start, landing.head).items():
        place = landing.worktree / path
        begun = submodules.begun_at(place, landing.worktree)
        inner = links.committed(place, begun, commit, nested.environment(place, landing.worktree)) if begun else {}
        found |= {f"{path}/{name}": says for name, says in inner.items()}
    return found


def _committed_stand_ins(found: dict[str, str]) -> Finding:
    items = [f"{path} -> {says}" for path, says in found.items()]
    first = next(iter(found))
    prompt = (
        f"# Links in the place of ignored folders\n\nYou committed these links:\n{_listed(items)}\n\nThey stand for "
        "folders that git ignores, and lead out of the worktree. Committed, they would be in the way of those folders. "
        f"Take them out of every commit of yours (`git rm --cached {first}`, then amend) and leave them uncommitted."
    )
    return Finding(f"A link in the place of an ignored folder was committed: {', '.join(items[:5])}.", prompt)


def _listed(items: list[str]) -> str:
    return "\n".join(f"- {item}" for item in items[:100])
