"""Run checkov on infra/, and fail also where it would pass in silence.

It leaves out a file that it can't parse and a check that breaks, and ends with 0. Needs
requirements-infra.txt; run by `make check-infra`.
"""

import json
import subprocess
import sys
from pathlib import Path

from pycep import BicepParser

INFRA = Path(__file__).parent


def main() -> int:
    """Print what is wrong; 0 when nothing is."""
    files = sorted([*INFRA.glob("*.bicep"), *INFRA.glob("modules/*.bicep")])
    for file in files:
        BicepParser().parse(text=file.read_text("utf-8"))
    run = subprocess.run(
        [
            Path(sys.executable).with_name("checkov"),
            *("--directory", INFRA, "--config-file", INFRA / "checkov.yaml", "--output", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(run.stdout)
    summary = report["summary"]
    wrong = [
        f"{each['file_path']}: {each['resource']}: {each['check_id']} {each['check_name']}"
        for each in report["results"]["failed_checks"]
    ]
    wrong += [line for line in run.stderr.splitlines() if "Failed to run check" in line]
    if summary["parsing_errors"] or not summary["passed"]:
        wrong.append(f"checkov did not read every file: {summary}")
    print("\n".join(wrong) or f"checkov: {summary['passed']} passed, {len(files)} files read")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
