"""A rehearsal on the terminal: a table, each failure explained, the verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

from scim.cli.output import Output, as_json, plain
from scim.cli.rehearsal.page import verdict

_SHORT = 300  # characters of a body; the report has more


def tell(output: Output, told: Mapping[str, Any], order: Sequence[str]) -> None:
    """Print what `report.document` describes: all results in an order of ids, then each failure."""
    if output.json:
        output.document(told)
        return
    rows = sorted(told["results"], key=lambda each: order.index(each["id"]))
    output.table(
        ("ID", "RESULT", "CHECK", "SECONDS"),
        [(each["id"], _word(each), each["title"], f"{each['seconds']:.2f}") for each in rows],
    )
    for each in told["results"]:
        if each["outcome"] == "failed":
            _tell_failure(output, each)
    output.say()
    for each in told["cleanUp"]["left"]:
        output.warn(plain(f"left there, delete it by hand: {each['what']} ({each['why']})"))
    output.say(verdict(told))


def _word(result: Mapping[str, Any]) -> str:
    optional = result["outcome"] == "failed" and not result["mandatory"]
    return "failed (optional)" if optional else str(result["outcome"])


def _tell_failure(output: Output, result: Mapping[str, Any]) -> None:
    """Explain one failure: what is wrong, what to change, the request and the answer."""
    output.say()
    output.say(plain(f"{result['id']} {result['title']}: {_word(result)}"))
    output.say(f"  {plain(result['advice'])}")
    for exchange in result["evidence"][-1:]:
        request, answer = exchange["request"], exchange["answer"]
        output.say(plain(f"  {request['method']} {request['target']}") + _body(request["body"]))
        came = exchange["silence"] if answer is None else str(answer["status"])
        output.say(f"  → {plain(came)}" + _body(answer and answer["body"]))


def _body(body: Any) -> str:
    if body is None:
        return ""
    text = plain(body if isinstance(body, str) else as_json(body, indent=None))
    return f" {text[:_SHORT]}…" if len(text) > _SHORT else f" {text}"
