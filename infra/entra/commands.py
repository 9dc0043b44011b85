"""What is done with a connection that is there."""

import sys
from urllib.parse import quote

from application import Application
from connecting import group_id, tell
from schema import outbound
from service import LABEL, Service
from words import Problem, remedy, status_lines


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
    """Change the token without a failed request: issue, test, enter, test, revoke."""
    template = application.template()
    present = dict(application.secrets())
    if "BaseAddress" not in present:
        raise Problem(f"nothing is entered in {application.name}: connect it first")
    # What must be entered together; tokens are masked in it, and OAuth's have another rotation.
    kept = ("BaseAddress", "SyncAll", "SyncNotificationSettings")
    issued = service.rotate(directory)
    pairs = [
        *((key, present[key]) for key in kept if key in present),
        ("SecretToken", str(issued["secretToken"])),
    ]
    try:
        application.test(
            template, [each for each in pairs if each[0] in ("BaseAddress", "SecretToken")]
        )
        application.enter(pairs)
        application.test(template, None)
    except Problem:
        tell(f"the new token {issued['id']} is not in use; the earlier ones go on working.")
        tell(f"See what is entered (status), then: python -m scim token revoke {issued['id']}")
        raise
    tell(f"entered the token {issued['id']}; Entra's test of it succeeded")
    labels = service.labels(directory)
    for each in issued["replaces"]:
        if labels.get(each) == LABEL:
            service.revoke(each)
            tell(f"revoked {each}")
        else:
            tell(f"{each} ({labels.get(each)}) was not entered by this command: it stays")


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
    print("  python -m scim token list DIRECTORY, then token revoke ID")
