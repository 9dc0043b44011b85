"""What Graph and Entra's provisioning say, in words, with what mends it."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

# The one with requirements-cli.txt, as in the scripts; SCIM is what to type.
PYTHON = os.environ.get("PYTHON", sys.executable)
SCIM = f"{PYTHON} -m scim"

# What an answer holds, and what mends it; the first that fits.
REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"AADSTS|az login|Interactive authentication|InvalidAuthenticationToken",
        "your sign-in has expired: az login",
    ),
    # Before the next row: Entra quotes the service's own 401 in it.
    (
        r"CredentialValidationUnavailable|InvalidCredentials|CredentialsMissing",
        (
            "Entra's test of the connection failed: see that the Tenant URL answers 401 to curl -i"
            " TENANT-URL/Users, that the service lets Entra's addresses in, and the directory's"
            f" log: {SCIM} log DIRECTORY"
        ),
    ),
    (
        r"Authorization_RequestDenied|Forbidden|Insufficient privileges|Unauthorized",
        (
            "your account may not do this: have the role Cloud Application Administrator, then az"
            " login; or sign in as an application with the permissions"
            " Application.ReadWrite.OwnedBy, Synchronization.ReadWrite.All and"
            " AppRoleAssignment.ReadWrite.All: az login --service-principal"
        ),
    ),
    (
        r"[Ll]icen[sc]e",
        (
            "groups can be assigned with Microsoft Entra ID P1 only: assign people, or use"
            " --everybody"
        ),
    ),
    (
        r"Max retries|Connection|timed out|Name or service",
        "Graph can't be reached: check the network",
    ),
)

CODES: Mapping[str, str] = {
    "NotConfigured": "not set up: no credentials were entered",
    "NotRun": "set up, and has not completed its first cycle",
    "Active": "running: a cycle about every 40 minutes",
    "Paused": "paused: nothing is provisioned",
    "Quarantine": "in quarantine: Entra tries less and less often, and gives up after four weeks",
}

QUARANTINES: Mapping[str, str] = {
    "EncounteredBaseEscrowThreshold": "too many objects failed in the first cycle",
    "EncounteredTotalEscrowThreshold": "too many objects failed",
    "EncounteredEscrowProportionThreshold": "too large a part of the objects failed",
    "EncounteredQuarantineException": "the service could not be used at all: its address or token",
    "QuarantinedOnDemand": "somebody put it there",
    "TooManyDeletes": "more deletions than the limit: see that they are meant, then restart",
    "IngestionInterrupted": "Entra could not read its own directory",
    "Unknown": "Entra does not say why",
}


class Problem(Exception):
    """What went wrong and what to do, for the person at the terminal."""


def remedy(text: str) -> str:
    """Say what mends an answer; nothing when nobody knows."""
    return next((words for pattern, words in REMEDIES if re.search(pattern, text)), "")


def status_lines(status: Mapping[str, Any]) -> Iterator[str]:
    """Tell a job's status: graph/api/resources/synchronization-synchronizationstatus."""
    code = status.get("code", "")
    yield f"job: {CODES.get(code, code)}"
    quarantine = status.get("quarantine") or {}
    if code == "Quarantine" or quarantine.get("currentBegan"):
        reason = str(quarantine.get("reason") or "Unknown")
        yield f"  since {quarantine.get('currentBegan')}: {QUARANTINES.get(reason, reason)}"
        yield f"  next try: {quarantine.get('nextAttempt')}"
        yield from _error(quarantine.get("error"))
    for name, title in (
        ("lastExecution", "last cycle"),
        ("lastSuccessfulExecution", "last without errors"),
        ("lastSuccessfulExecutionWithExports", "last that changed anything"),
    ):
        yield from _execution(title, status.get(name))
    failures = status.get("countSuccessiveCompleteFailures") or 0
    if failures:
        yield f"failed {failures} times in a row"
    for each in status.get("synchronizedEntryCountByType") or ():
        yield f"in step: {each['value']} {str(each['key']).rpartition(':')[2]}"


def _execution(title: str, execution: Mapping[str, Any] | None) -> Iterator[str]:
    if not execution:
        yield f"{title}: none yet"
        return
    counts = {
        "read": execution.get("countImported"),
        "failed": execution.get("countEscrowed"),
        "changed": execution.get("countExported"),
    }
    told = ", ".join(f"{value} {word}" for word, value in counts.items() if value)
    yield f"{title}: {execution.get('timeEnded')}, {execution.get('state')}" + (
        f" ({told})" if told else ""
    )
    yield from _error(execution.get("error"))


def _error(error: Mapping[str, Any] | None) -> Iterator[str]:
    if not error:
        return
    yield f"  {error.get('code')}: {error.get('message')}"
    mends = remedy(f"{error.get('code')} {error.get('message')}")
    if mends:
        yield f"  {mends}"
