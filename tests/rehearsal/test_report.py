"""The report of a rehearsal: JSON for programs, one HTML file for people."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from scim.cli.rehearsal.cleanup import Left
from scim.cli.rehearsal.page import page
from scim.cli.rehearsal.report import LONGEST, MOST, Rehearsal, document
from scim.cli.rehearsal.results import Outcome, Result
from scim.cli.simulator.exchanges import Exchange

HOSTILE = "<script>alert(1)</script>\"'&</pre></details><img src=x onerror=alert(2)>\x1b[31m\u202e"
TOKEN = 'very"secret/token\\1234567890'
VOID = {"meta", "br"}
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "strong",
    "dl", "dt", "dd", "section", "details", "summary", "small", "div", "pre", "br", "footer",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "open"}


@dataclass(frozen=True)
class Described:
    """A check as a report sees it."""

    id: str = "X1"
    title: str = "A title"
    proves: str = "That it works."
    source: str = "A page"
    mandatory: bool = True


def result(
    outcome: Outcome = "failed", *, advice: str = "", evidence: Any = (), **about: Any
) -> Result:
    return Result(Described(**about), outcome, advice, evidence, 0.5)


def exchange(**more: Any) -> Exchange:
    return Exchange(**{"method": "GET", "target": "/Users", "status": 200, "ms": 12.0, **more})


def rehearsal(*results: Result, **more: Any) -> Rehearsal:
    given: dict[str, Any] = {
        "tenant_url": "https://scim.example.com/contoso/scim",
        "dialect": "default",
        "mapping": "default",
        "users": 20,
        "groups": 5,
        "seed": 7,
        "started": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        "seconds": 1.25,
        "requests": 99,
        "results": results,
    }
    return Rehearsal(**(given | more))


class Page(HTMLParser):
    """Reads the page as a strict parser: every element that is opened is closed, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def text(self, tag: str) -> str:
        return "\n".join(data for held, data in self.texts if held == tag)


def test_only_mandatory_failures_keep_it_from_passing() -> None:
    passed, failed = result("passed"), result("failed")
    assert rehearsal(passed, result("failed", mandatory=False), result("skipped")).passed
    assert not rehearsal(passed, failed).passed
    assert not rehearsal(passed, interrupted=True).passed
    assert not rehearsal().passed
    assert not rehearsal(result("skipped")).passed


def test_the_document_has_what_the_guide_says() -> None:
    """Every key of it, the worst result first."""
    seen = exchange(method="POST", body={"a": 1}, status=400, answer={"detail": "no"})
    made = document(
        rehearsal(
            result("passed", id="A"),
            result("skipped", id="B"),
            result("failed", id="C", mandatory=False),
            result("failed", id="D", advice="Change it.", evidence=[seen]),
            removed=3,
            left=[Left("/Users/1", "DELETE was answered with 500")],
        )
    )
    results = made.pop("results")
    assert made == {
        "format": 1,
        "tenantUrl": "https://scim.example.com/contoso/scim",
        "started": "2030-01-02T03:04:05.000Z",
        "seconds": 1.2,
        "dialect": "default",
        "mapping": "default",
        "users": 20,
        "groups": 5,
        "seed": 7,
        "requests": 99,
        "passed": False,
        "interrupted": False,
        "counts": {"passed": 1, "failed": 2, "skipped": 1},
        "cleanUp": {
            "removed": 3,
            "left": [{"what": "/Users/1", "why": "DELETE was answered with 500"}],
        },
    }
    assert [each["id"] for each in results] == ["D", "C", "B", "A"]
    assert results[0] == {
        "id": "D",
        "title": "A title",
        "outcome": "failed",
        "mandatory": True,
        "seconds": 0.5,
        "proves": "That it works.",
        "source": "A page",
        "advice": "Change it.",
        "evidence": [
            {
                "request": {"method": "POST", "target": "/Users", "body": {"a": 1}},
                "answer": {"status": 400, "contentType": None, "body": {"detail": "no"}},
                "silence": None,
                "ms": 12.0,
            }
        ],
    }


def test_what_got_no_answer_says_so() -> None:
    silent = exchange(status=None, silence="timeout: no answer within 60 seconds")
    made = document(rehearsal(result(evidence=[silent])))
    assert made["results"][0]["evidence"][0]["answer"] is None
    assert "timeout: no answer within 60 seconds" in Page(page(made)).text("pre")


def test_the_token_is_in_no_report() -> None:
    """Whatever an endpoint repeats, in whichever spelling."""
    spellings = [TOKEN, quote(TOKEN, safe=""), json.dumps(TOKEN)]
    evidence = [exchange(answer={each: [each]}, target=f"/Users?{each}") for each in spellings]
    made = document(rehearsal(result(advice=f"It said {TOKEN}", evidence=evidence)), secret=TOKEN)
    for shown in (json.dumps(made), page(made)):
        assert "1234567890" not in shown
        assert "(token)" in shown


def test_a_token_that_is_a_short_word_leaves_the_report_readable() -> None:
    """Keys, ids and outcomes are the report's own."""
    seen = exchange(target="/Users?t", answer={"t": "t"}, silence="t")
    given = rehearsal(result(advice="It said t", evidence=[seen]))
    made = document(given, secret="t")
    assert made.keys() == document(given).keys()
    [told] = made["results"]
    assert (told["id"], told["outcome"]) == ("X1", "failed")
    assert told["evidence"][0]["answer"]["body"] == {"(token)": "(token)"}
    assert told["advice"].endswith("(token)")


def test_long_evidence_is_cut() -> None:
    many = [exchange(target=f"/Users/{n}", answer="x" * (LONGEST * 2)) for n in range(MOST + 5)]
    [made] = document(rehearsal(result(evidence=many)))["results"]
    assert len(made["evidence"]) == MOST
    assert made["evidence"][-1]["request"]["target"] == f"/Users/{MOST + 4}"
    body = made["evidence"][0]["answer"]["body"]
    assert len(body) < LONGEST + 100
    assert body.endswith(f"… ({LONGEST * 2} characters in all)")


def test_hostile_evidence_is_text() -> None:
    """An endpoint can put nothing into the page but text."""
    seen = exchange(
        method=HOSTILE,
        target=HOSTILE,
        body={HOSTILE: HOSTILE},
        answer=HOSTILE,
        content_type=HOSTILE,
    )
    results = [
        result("failed", advice=HOSTILE, evidence=[seen, exchange(status=None, silence=HOSTILE)]),
        Result(Described(HOSTILE, HOSTILE, HOSTILE, HOSTILE), "skipped", HOSTILE, [seen]),
    ]
    given = rehearsal(
        *results,
        tenant_url=HOSTILE,
        mapping=HOSTILE,
        dialect=HOSTILE,
        left=[Left(HOSTILE, HOSTILE)],
    )
    html = page(document(given))
    read = Page(html)
    assert {tag for tag, _ in read.elements} <= ELEMENTS
    assert {name for _, each in read.elements for name in each} <= ATTRIBUTES
    assert "alert(1)" in read.text("pre")
    assert "alert(1)" in read.text("p")
    for each in ("\x1b", "\u202e", "<script", "<img"):
        assert each not in html


def test_the_page_loads_and_runs_nothing() -> None:
    """Its policy allows the one style in it, by its hash, and nothing else."""
    html = page(document(rehearsal(result("failed"), result("passed"))))
    read = Page(html)
    [policy] = [
        str(each["content"])
        for tag, each in read.elements
        if tag == "meta" and each.get("http-equiv") == "Content-Security-Policy"
    ]
    style = re.search(r"<style>(.*)</style>", html, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"
    assert not re.search(r"url\(|@import|https?://(?!scim\.example\.com/)|javascript:", html)
    for each in ("viewport", "color-scheme", "prefers-color-scheme: dark", "@media print"):
        assert each in html


def test_what_failed_is_first_and_open() -> None:
    made = document(rehearsal(result("passed"), result("skipped"), result("failed")))
    shown = [each for tag, each in Page(page(made)).elements if tag == "details"]
    assert [each["class"] for each in shown] == ["failed", "skipped", "passed"]
    assert ["open" in each for each in shown] == [True, False, False]
    assert "Not ready for Entra" in page(made)


def test_what_was_left_is_named() -> None:
    made = document(rehearsal(result("passed"), removed=2, left=[Left("/Users/1", "no")]))
    assert "2 deleted; delete by hand: /Users/1 (no)" in Page(page(made)).text("dd")
    assert "Ready for Entra" in page(made)
