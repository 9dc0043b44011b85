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
    """Describe a rehearsal as JSON, worst first; `secret` is to be left out.

    It is left out of what was sent, came or is said of it: a short one may be in our own words too.
    """
    forms = spellings(secret)
    return {
        "format": FORMAT,
        "tenantUrl": _text(rehearsal.tenant_url, forms),
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
            "left": [
                {"what": _text(each.what, forms), "why": _text(each.why, forms)}
                for each in rehearsal.left
            ],
        },
        "results": [_result(each, forms) for each in rehearsal.worst_first],
    }


def _result(result: Result, forms: Sequence[str]) -> dict[str, Any]:
    check = result.check
    return {
        "id": check.id,
        "title": check.title,
        "outcome": result.outcome,
        "mandatory": check.mandatory,
        "seconds": round(result.seconds, 3),
        "proves": check.proves,
        "source": check.source,
        "advice": _text(result.advice, forms),
        "evidence": [_exchange(each, forms) for each in list(result.evidence)[-MOST:]],
    }


def _exchange(exchange: Exchange, forms: Sequence[str]) -> dict[str, Any]:
    return {
        "request": {
            "method": exchange.method,
            "target": _text(exchange.target, forms),
            "body": _cut(_without(exchange.body, forms)),
        },
        "answer": None
        if exchange.status is None
        else {
            "status": exchange.status,
            "contentType": _without(exchange.content_type, forms),
            "body": _cut(_without(exchange.answer, forms)),
        },
        "silence": _without(exchange.silence, forms),
        "ms": exchange.ms,
    }


def _cut(body: Any) -> Any:
    """Keep a body as it is, or, where it is long, the beginning of its text."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    if len(text) <= LONGEST:
        return body
    return f"{text[:LONGEST]}… ({len(text)} characters in all)"


def _without(value: Any, forms: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {_text(name, forms): _without(each, forms) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, forms) for each in value]
    return _text(value, forms) if isinstance(value, str) else value


def _text(text: str, forms: Sequence[str]) -> str:
    for each in forms:
        text = text.replace(each, LEFT_OUT)
    return text
