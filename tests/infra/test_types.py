"""The types, names and properties of Azure that infra/ uses, by a checker that has its catalogue.

It stands beside the checkout where it is there; the repository's workflow compiles instead.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKER = ROOT.parent / "shared/tools/check-bicep"
FILES = sorted([*ROOT.glob("infra/*.bicep"), *ROOT.glob("infra/modules/*.bicep")])


def check(*files: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, CHECKER, *files], capture_output=True, text=True, check=False, timeout=120
    )
    assert not done.stderr, done.stderr
    return [each for each in done.stdout.splitlines() if not each.endswith(": clean")]


@pytest.mark.skipif(not CHECKER.exists(), reason="the catalogue of Azure's types is not here")
def test_every_type_and_property_is_azures(tmp_path: Path) -> None:
    assert check(*FILES) == []
    wrong = tmp_path / "vault.bicep"
    text = (ROOT / "infra/modules/vault.bicep").read_text("utf-8")
    wrong.write_text(text.replace("enablePurgeProtection", "purgeProtection"), "utf-8")
    assert check(wrong)
