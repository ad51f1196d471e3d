"""The hosts that an agent's commands reach in the sandbox, under the user's policy."""

from __future__ import annotations

from contextlib import suppress

from maestro.agents.policies import host_fits
from maestro.confinement.proxy import Host, hosts
from maestro.policy import Policy


def under(policy: Policy | None, reached: frozenset[Host]) -> frozenset[Host]:
    """``reached`` with what the policy allows by name, without what it denies; a deny wins.

    Nobody is asked about a host in there: what is neither reached nor allowed is refused.
    """
    if policy is None:
        return reached
    if policy.network == "deny":
        return frozenset()
    rules = [rule for rule in policy.rules if rule.row == "network"]
    named: frozenset[Host] = frozenset()
    for rule in rules:
        if rule.answer == "allow" and "*" not in rule.match:
            with suppress(ValueError):  # a port that there is not
                named |= hosts([rule.match])
    denied = [rule for rule in rules if rule.answer == "deny"]
    return frozenset(host for host in reached | named if not any(host_fits(rule, str(host)) for rule in denied))
