"""What is done with a connection that is there."""

import sys
from collections.abc import Mapping
from urllib.parse import quote

from application import Application
from connecting import group_id, tell
from schema import outbound
from service import LABEL, Service
from words import SCIM, Problem, remedy, status_lines


def status(application: Application) -> int:
    """Tell the job's status; 1 in quarantine."""
    found = application.only_job().status()
    for line in status_lines(found):
        print(line)
    return int(found.get("code") == "Quarantine")


def provision(application: Application, who: str, *, is_group: bool) -> int:
    """Provision one object and tell each step; 1 when one failed."""
    graph = application.graph
    if is_group:
        id, type = group_id(graph, who), "Group"
    else:
        # user-get takes the userPrincipalName, too.
        id, type = str(graph.get(f"/users/{quote(who, safe='@')}?$select=id")["id"]), "User"
    job = application.only_job()
    outcome, steps = job.provision(outbound(job.schema())["id"], id, type)
    for step in steps.get("provisioningSteps") or ():
        print(f"{step.get('status'):<8} {step.get('name')}: {step.get('description')}")
    details = outcome.get("details") or {}
    words = f"{details.get('errorCode', '')} {details.get('errorMessage', '')}".strip()
    print(f"{outcome.get('result')}{': ' if words else ''}{words}")
    mends = remedy(words)
    if mends:
        print(mends)
    return int(outcome.get("result") not in ("Success", "Skipped"))


def rotate(service: Service, application: Application, directory: str) -> None:
    """Change the token, or a client's secret, without a failed request: issue, test, enter, test.

    Tokens that this command had entered are revoked then; earlier secrets are left to the operator.
    """
    present = application.secrets()
    if "BaseAddress" not in present:
        raise Problem(f"nothing is entered in {application.name}: connect it first")
    if client := present.get("Oauth2ClientId"):
        issued = service.client_secret(client)
        end = service.command("client", "secret", "revoke", issued["id"])
        _swap(application, present, ("Oauth2ClientSecret", issued["clientSecret"]), end)
        tell("entered a new secret; Entra's test of it succeeded. End those before:")
        for each in issued["replaces"]:
            tell(service.command("client", "secret", "revoke", each))
        return
    if "AuthenticationType" in present:
        raise Problem(f"{application.name} has no token: workload identity federation needs none")
    issued = service.rotate(directory)
    end = service.command("token", "revoke", issued["id"])
    _swap(application, present, ("SecretToken", issued["secretToken"]), end)
    tell(f"entered the token {issued['id']}; Entra's test of it succeeded")
    labels = service.labels(directory)
    for each in issued["replaces"]:
        if labels.get(each) == LABEL:
            service.revoke(each)
            tell(f"revoked {each}")
        else:
            tell(f"{each} ({labels.get(each)}) was not entered by this command: it stays")


# What Graph keeps only when it is entered together; secrets are masked in what it shows.
_SETTINGS = ("SyncAll", "SyncNotificationSettings")
_ACCESS = ("BaseAddress", "AuthenticationType", "Oauth2ClientId", "Oauth2TokenExchangeUri")


def _swap(
    application: Application, present: Mapping[str, str], secret: tuple[str, str], end: str
) -> None:
    """Enter a new secret in place of the one that is there, tested before and after.

    `end` is the command that ends it, told while it is certain that Entra has not got it.
    """
    access = [*((each, present[each]) for each in _ACCESS if each in present), secret]
    try:
        template = application.template()
        application.test(template, access)
    except Problem:
        tell("the new one is not in use; the earlier ones go on working. End it:")
        tell(end)
        raise
    kept = [(each, present[each]) for each in _SETTINGS if each in present]
    try:
        application.enter([*access, *kept])
        application.test(template, None)
    except Problem:
        tell("whether Entra has the new one is not known: all go on working. Run this again")
        raise


def pause(application: Application) -> None:
    """Stop the job, and leave everything else as it is."""
    application.only_job().pause()
    print("paused: nothing is provisioned; restart lets it go on")


def restart(application: Application, *, full: bool) -> None:
    """Start the job anew: errors and quarantine forgotten; with `full`, everybody read again."""
    application.only_job().restart("Full" if full else "Escrows, QuarantineState")
    print("restarted; status tells how it goes")


def disconnect(application: Application, *, delete: bool, yes: bool) -> None:
    """Stop and delete the job; people in the directory stay as they are."""
    what = "the application and its job" if delete else "the provisioning job"
    if not yes:
        if not sys.stdin.isatty():
            raise Problem("this has to be confirmed: answer on a terminal, or give --yes")
        print(f"Delete {what} of {application.name}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Problem("nothing was changed")
    found = application.job()
    if found:
        job = application.only_job()
        job.pause()
        job.delete()
    if delete:
        application.delete()
    print(f"deleted {what} of {application.name}; its tokens still work:")
    print(f"  {SCIM} token list DIRECTORY, then token revoke ID")
