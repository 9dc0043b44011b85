"""The report of a rehearsal as a JSON document; docs/rehearsal.md describes it.

The token is in none of it, whatever the endpoint repeated, and what an answer holds is cut where it
grows long.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim import ids
from scim.cli.rehearsal.cleanup import Left
from scim.cli.rehearsal.evidence import LEFT_OUT, Secret, spellings
from scim.cli.rehearsal.results import Outcome, Result
from scim.cli.simulator.exchanges import Exchange

FORMAT = 1
LONGEST = 20_000  # characters of a body that are shown
MOST = 20  # exchanges of a result that are shown, the last ones

_ORDER: Sequence[Outcome] = ("failed", "skipped", "passed")


@dataclass(frozen=True)
class Rehearsal:
    """One run against one endpoint.

    `removed` counts what was made and deleted in the end, `left` says what could not be. `mapping`
    says which attribute mapping, by its preset's name or its file.
    """

    tenant_url: str
    dialect: str
    mapping: str
    users: int
    groups: int
    seed: int
    started: datetime
    seconds: float
    requests: int
    results: Sequence[Result]
    removed: int = 0
    left: Sequence[Left] = ()
    interrupted: bool = False

    @property
    def passed(self) -> bool:
        """Whether it ran to its end and every mandatory check passed, or did not apply."""
        ran = any(each.outcome == "passed" for each in self.results)
        return ran and not self.interrupted and not any(each.barring for each in self.results)

    @property
    def counts(self) -> Mapping[Outcome, int]:
        counted = Counter(each.outcome for each in self.results)
        return {each: counted[each] for each in ("passed", "failed", "skipped")}

    @property
    def worst_first(self) -> list[Result]:
        """What failed and is mandatory, what failed, what was skipped, what passed."""
        return sorted(self.results, key=lambda each: (not each.barring, _ORDER.index(each.outcome)))


def document(rehearsal: Rehearsal, *, secret: Secret = "") -> dict[str, Any]:
    """Describe a rehearsal as JSON, worst first; `secret` is to be left out."""
    made: dict[str, Any] = {
        "format": FORMAT,
        "tenantUrl": rehearsal.tenant_url,
        "started": ids.timestamp(rehearsal.started),
        "seconds": round(rehearsal.seconds, 1),
        "dialect": rehearsal.dialect,
        "mapping": rehearsal.mapping,
        "users": rehearsal.users,
        "groups": rehearsal.groups,
        "seed": rehearsal.seed,
        "requests": rehearsal.requests,
        "passed": rehearsal.passed,
        "interrupted": rehearsal.interrupted,
        "counts": dict(rehearsal.counts),
        "cleanUp": {
            "removed": rehearsal.removed,
            "left": [{"what": each.what, "why": each.why} for each in rehearsal.left],
        },
        "results": [described(each) for each in rehearsal.worst_first],
    }
    cleaned: dict[str, Any] = _without(made, spellings(secret)) if secret else made
    return cleaned


def described(result: Result) -> dict[str, Any]:
    """Describe one result as JSON."""
    check = result.check
    return {
        "id": check.id,
        "title": check.title,
        "outcome": result.outcome,
        "mandatory": check.mandatory,
        "seconds": round(result.seconds, 3),
        "proves": check.proves,
        "source": check.source,
        "advice": result.advice,
        "evidence": [_exchange(each) for each in list(result.evidence)[-MOST:]],
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "request": {
            "method": exchange.method,
            "target": exchange.target,
            "body": _cut(exchange.body),
        },
        "answer": None
        if exchange.status is None
        else {
            "status": exchange.status,
            "contentType": exchange.content_type,
            "body": _cut(exchange.answer),
        },
        "silence": exchange.silence,
        "ms": exchange.ms,
    }


def _cut(body: Any) -> Any:
    """Keep a body as it is, or, where it is long, the beginning of its text."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    if len(text) <= LONGEST:
        return body
    return f"{text[:LONGEST]}… ({len(text)} characters in all)"


def _without(value: Any, spellings: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {_text(name, spellings): _without(each, spellings) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, spellings) for each in value]
    return _text(value, spellings) if isinstance(value, str) else value


def _text(text: str, spellings: Sequence[str]) -> str:
    for each in spellings:
        text = text.replace(each, LEFT_OUT)
    return text
