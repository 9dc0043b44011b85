"""The report as one HTML file: nothing is loaded, nothing is run, everything is escaped.

It is read on a phone, in the dark and on paper; what failed comes first and is open.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from scim.cli.output import as_json

_STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1b1f; --soft: #5c5f66; --line: #d8dae0;
  --panel: #f5f6f8; --failed: #b3261e; --skipped: #7a5900; --passed: #146c2e; }
@media (prefers-color-scheme: dark) { :root { --back: #16181d; --text: #e6e7ea; --soft: #a4a8b0;
  --line: #383c44; --panel: #1f2229; --failed: #ff8a80; --skipped: #f0c060; --passed: #7bd88f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--back);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
.verdict { border-left: .4rem solid; padding: .25rem 1rem; }
.failed { border-color: var(--failed); } .skipped { border-color: var(--skipped); }
.passed { border-color: var(--passed); }
details { border: 1px solid var(--line); border-left-width: .4rem; border-radius: .3rem;
  margin: .5rem 0; }
details.failed { border-left-color: var(--failed); }
details.skipped { border-left-color: var(--skipped); }
details.passed { border-left-color: var(--passed); }
summary { padding: .5rem .75rem; cursor: pointer; font-weight: 600; }
summary small { color: var(--soft); font-weight: 400; }
details > div { padding: 0 .75rem .75rem; }
.advice { font-size: 1.05rem; white-space: pre-line; }
.about { color: var(--soft); font-size: .9rem; }
h3 { font-size: .9rem; margin: 1rem 0 .25rem; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: .3rem; margin: 0;
  padding: .5rem; font: .8rem/1.45 ui-monospace, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: 30rem; overflow: auto; }
footer { margin-top: 2rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .4rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; }
  pre { max-height: none; overflow: visible; } summary { break-after: avoid; } }
"""

_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEAD = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{_HASH}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
"""

_FOOT = """<footer>What each check proves, and what a rehearsal can not show, is in
docs/rehearsal.md. The token is left out of all requests.</footer>
</body>
</html>
"""

# Title, outcome, and which of them: the mandatory ones, the others, all.
_SECTIONS: Sequence[tuple[str, str, Sequence[bool]]] = (
    ("Failed: to be changed before going live", "failed", (True,)),
    ("Failed, not mandatory", "failed", (False,)),
    ("Skipped", "skipped", (True, False)),
    ("Passed", "passed", (True, False)),
)
_ADVICE: Mapping[str, str] = {"failed": "What to change", "skipped": "Why it was skipped"}


def page(document: Mapping[str, Any]) -> str:
    """Write the HTML of what `report.document` describes."""
    title = f"SCIM rehearsal: {document['tenantUrl']}"
    parts = [
        f"{_HEAD}<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        _summary(document),
        *(_section(document["results"], *each) for each in _SECTIONS),
        _FOOT,
    ]
    return "\n".join(each for each in parts if each)


def verdict(document: Mapping[str, Any]) -> str:
    """Say in one sentence how it ended."""
    counts = document["counts"]
    counted = ", ".join(f"{counts[each]} {each}" for each in ("passed", "failed", "skipped"))
    if document["interrupted"]:
        return f"Interrupted: {counted} until then"
    if document["passed"]:
        return f"Ready for Entra: every mandatory check passed ({counted})"
    return f"Not ready for Entra ({counted})"


def _summary(document: Mapping[str, Any]) -> str:
    removed, left = document["cleanUp"]["removed"], document["cleanUp"]["left"]
    named = ", ".join(f"{each['what']} ({each['why']})" for each in left)
    facts = {
        "Tenant URL": document["tenantUrl"],
        "Started": document["started"],
        "Took": f"{document['seconds']} s, {document['requests']} requests",
        "Dialect": document["dialect"],
        "Mapping": document["mapping"],
        "Simulated": f"{document['users']} users, {document['groups']} groups,"
        f" seed {document['seed']}",
        "Cleaned up": f"{removed} deleted" + (f"; delete by hand: {named}" if left else ""),
    }
    rows = "\n".join(
        f"<dt>{_text(name)}</dt><dd>{_text(each)}</dd>" for name, each in facts.items()
    )
    kind = "passed" if document["passed"] else "failed"
    return (
        f'<header>\n<h1>SCIM rehearsal</h1>\n<p class="verdict {kind}">'
        f"<strong>{_text(verdict(document))}</strong></p>\n<dl>\n{rows}\n</dl>\n</header>"
    )


def _section(
    results: Sequence[Mapping[str, Any]], title: str, outcome: str, levels: Sequence[bool]
) -> str:
    chosen = [
        each for each in results if each["outcome"] == outcome and each["mandatory"] in levels
    ]
    if not chosen:
        return ""
    shown = "\n".join(_result(each) for each in chosen)
    return f"<section>\n<h2>{_text(title)} ({len(chosen)})</h2>\n{shown}\n</section>"


def _result(result: Mapping[str, Any]) -> str:
    outcome = result["outcome"]
    advice = ""
    if result["advice"]:
        heading = _ADVICE.get(outcome, "Note")
        advice = f'<h3>{heading}</h3>\n<p class="advice">{_text(result["advice"])}</p>\n'
    evidence = "\n".join(_exchange(each) for each in result["evidence"])
    opened = " open" if outcome == "failed" else ""
    level = "mandatory" if result["mandatory"] else "optional"
    return (
        f'<details class="{_text(outcome)}"{opened}>\n<summary>{_text(result["title"])} '
        f"<small>{_text(result['id'])}, {level}, {result['seconds']:.2f} s</small></summary>\n"
        f"<div>\n{advice}"
        f'<p class="about">{_text(result["proves"])}<br>Asked for by: {_text(result["source"])}</p>'
        f"\n{evidence}\n</div>\n</details>"
    )


def _exchange(exchange: Mapping[str, Any]) -> str:
    request, answer = exchange["request"], exchange["answer"]
    asked = f"{request['method']} {request['target']}"
    came = exchange["silence"] or "no answer"
    if answer is not None:
        came = f"{answer['status']} {answer['contentType'] or '(no Content-Type)'}"
    return (
        f"<h3>Request</h3>\n<pre>{_text(asked)}{_body(request['body'])}</pre>\n"
        f"<h3>Answer after {exchange['ms']:.0f} ms</h3>\n"
        f"<pre>{_text(came)}{_body(answer and answer['body'])}</pre>"
    )


def _body(body: Any) -> str:
    if body is None:
        return ""
    return "\n\n" + _text(body if isinstance(body, str) else as_json(body))


def _text(value: object) -> str:
    """Escape a text for any place in HTML; control characters are shown, not sent."""
    shown = "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode()
        for each in str(value)
    )
    return escape(shown, quote=True)
