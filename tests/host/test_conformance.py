"""An independent suite finds no fault: scim2-tester against `serve` on Azurite."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.host.serving import environment, serving
from tests.service import PEPPER

_KINDS = ("SUCCESS", "COMPLIANT", "ACCEPTABLE", "DEVIATION", "ERROR", "CRITICAL", "SKIPPED")


def test_scim2_tester_finds_no_fault(azurite: str, tmp_path: Path) -> None:
    """`scim2 -u TENANT-URL test`: no error, no deviation, nothing skipped."""
    with serving(
        tmp_path, "--storage", azurite, "--directory", "conformance", SCIM_PEPPER=PEPPER.decode()
    ) as (_, access):
        header = f"Authorization: Bearer {access['secretToken']}"
        done = subprocess.run(
            [str(Path(sys.executable).parent / "scim2"), "-u", access["tenantUrl"], "test"],
            env=environment(SCIM_CLI_HEADERS=header),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    found = Counter(
        word for line in done.stdout.splitlines() if line and (word := line.split()[0]) in _KINDS
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert found.keys() <= {"SUCCESS", "COMPLIANT", "ACCEPTABLE"}, found
    assert found["SUCCESS"] > 100
