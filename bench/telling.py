"""What every benchmark says: how far it is, tables in Markdown, numbers as JSON."""

import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# Elsewhere, a run that only tries leaves no numbers for figures.
RESULTS = Path(os.environ.get("BENCH_RESULTS", ROOT / "bench" / "results"))


def say(text: str) -> None:
    """Tell who waits, beside the tables, when and what."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def machine() -> str:
    """Name the day, and what it was measured on."""
    cores, python = os.cpu_count(), platform.python_version()
    return f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores, {platform.machine()}, Python {python}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """Write a table; the first `texts` columns are no numbers."""
    lines = [f"| {' | '.join(each)} |" for each in (head, *rows)]
    lines.insert(1, "|" + "---|" * texts + "---:|" * (len(head) - texts))
    return "\n".join(lines)


def written(kind: str, document: Any) -> Path:
    """Keep a document among the results, and say where."""
    path = named(f"{kind}-{{}}.json")
    path.write_text(json.dumps(document, indent=1, default=sorted) + "\n", "utf-8")
    say(f"the numbers are in {path}")
    return path


def named(pattern: str) -> Path:
    """Give a file among the results, by the time."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    return RESULTS / pattern.format(f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}")


def newest(kind: str) -> Any:
    """Read what was kept last of a kind; None when nothing was."""
    files = sorted(RESULTS.glob(f"{kind}-2*.json"))
    return json.loads(files[-1].read_text("utf-8")) if files else None
