"""Somebody else's service: run with a probe in it, and followed link by link to the first broken one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from threemaps.doctor.check import Check, broken, good, unseen
from threemaps.doctor.discretion import without_logins
from threemaps.doctor.facts import Facts
from threemaps.doctor.inside import look_inside
from threemaps.doctor.rules import LINKS, OPENTELEMETRY, OTHERS, START, XRAY
from threemaps.doctor.rules.base import Found, Link, Rule
from threemaps.doctor.rules.compose import rules as compose_rules
from threemaps.errors import UserError

OTEL_LINK, XRAY_LINK, SERVICE_LINK = "opentelemetry", "x-ray sdk", "service"


def check_command(
    words: Sequence[str], environ: Mapping[str, str], folder: Path, only: str | None = None
) -> list[Check]:
    """Runs the command for a moment. `only` is the code or the name of the one rule to look at.

    Raises UserError for a command that names no program, and for a rule that nobody knows.
    """
    wanted = rule_called(only) if only else None
    facts = look_inside(words, environ, folder)
    return [looked_for(facts, *wanted)] if wanted else verdict(facts)


def every_rule() -> list[Rule]:
    """By code; that of a link's bare fact, which no rule explains, is not among them."""
    in_links = [rule for link in LINKS for rule in (*link.rules, *link.notes)]
    found = {rule.code: rule for rule in (*in_links, *(rule for rule, _ in compose_rules()))}
    return [found[code] for code in sorted(found)]


def rule_called(name: str) -> tuple[Link, Rule]:
    for link in LINKS:
        for rule in (*link.rules, *link.notes):
            if name.lower() in (rule.code.lower(), rule.name):
                return link, rule
    raise UserError(f"no check is called {name!r}", hint="threemaps doctor --list-checks", exit_code=2)


def looked_for(facts: Facts, link: Link, rule: Rule) -> Check:
    """One rule alone: found, not found, or not to be seen."""
    if found := rule.find(facts):
        return named(link.name, rule, found, ok=False)
    state = link.state(facts)
    if state.holds is None or facts.process is None:
        return unseen(
            link.name, rule.name, state.detail if state.holds is None else "no Python process reported"
        )
    return good(link.name, rule.name, f"not found: {rule.why}")


def first_cause(facts: Facts) -> Check | None:
    """What the rules find in facts that nobody looked inside for: those that need more find nothing."""
    causes = (cause for link in OPENTELEMETRY for cause in link.causes(facts))
    return next((named(OTEL_LINK, *cause, ok=False) for cause in causes), None)


def verdict(facts: Facts) -> list[Check]:
    """Each chain ends at its first broken link; a broken one comes last of all."""
    checks = walk(facts, SERVICE_LINK, START)
    if not checks[-1].ok:
        return checks
    if facts.process is None:
        return checks
    chains: list[list[Check]] = []
    if facts.has_opentelemetry or not facts.has_xray:
        chains.append(walk(facts, OTEL_LINK, OPENTELEMETRY))
    if facts.has_xray:
        chains.append(walk(facts, XRAY_LINK, XRAY))
    chains += [walk(facts, one.name, (one,)) for one in OTHERS]
    flat = [*checks, *(check for chain in chains for check in chain if check.detail)]
    return sorted(flat, key=lambda check: not check.ok) if any(not one.ok for one in flat) else flat


def walk(facts: Facts, chain: str, links: Sequence[Link]) -> list[Check]:
    found: list[Check] = []
    for link in links:
        found += looked_at(facts, chain, link)
        if not found[-1].ok:
            break
    return found


def looked_at(facts: Facts, chain: str, link: Link) -> list[Check]:
    """One check; and with it the notes of a link that holds."""
    state = link.state(facts)
    if state.holds is False:
        cause = next(link.causes(facts), None)
        if cause is None:
            step = link.otherwise.format(command=facts.subject.command)
            return [broken(chain, link.name, state.detail, step, link.code)]
        return [named(chain, *cause, ok=False)]
    notes = [named(chain, rule, reason, ok=True) for rule in link.notes if (reason := rule.find(facts))]
    if state.holds is None:
        if explained := next(link.causes(facts), None):
            return [named(chain, *explained, ok=False)]
        return [unseen(chain, link.name, state.detail), *notes]
    return [*notes, good(chain, link.name, state.detail)]


def named(chain: str, rule: Rule, found: Found, *, ok: bool) -> Check:
    return Check(
        link=chain,
        name=rule.name,
        ok=ok,
        detail=without_logins(found.seen),
        next_step=without_logins(found.next_step),
        code=rule.code,
        why=rule.why,
        docs=rule.docs,
        edit=found.write.as_json() if found.write else None,
    )
