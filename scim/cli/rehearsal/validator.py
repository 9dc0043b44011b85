"""What Microsoft's SCIM Validator web app tests about people: W1 to W14.

https://scimvalidator.microsoft.com; its operations are in small letters, with JSON's types.
"""

from scim.cli.rehearsal import answers
from scim.cli.rehearsal.check import Failed, check
from scim.cli.rehearsal.steps import added, case_folded, managed, renamed, replaced
from scim.cli.rehearsal.trial import Trial, matching
from scim.cli.simulator.dialects import FLAGGED, Dialect

VERBOSE = Dialect("validator", capital=False, text=False, gathered=False, listed=False)
SOURCE = "SCIM Validator"


@check(
    "W1",
    "Create a user",
    source=f"{SOURCE}: Create a new User",
    proves="A person is made with all that the mapping sends, and the answer shows it.",
    change=(
        "Answer POST /Users with 201 and the complete resource: its id, and each attribute as it "
        "was sent."
    ),
)
async def create(trial: Trial) -> None:
    values = trial.samples.values(trial.users, trial.users.valued)
    sent = trial.creation(trial.users, values)
    received = await trial.send(sent)
    answers.expect(sent, received, 201)
    subject = trial.made(trial.users, values, sent, received)
    trial.compare(trial.users, subject.answer, values)
    await trial.shows(subject, values)


@check(
    "W2",
    "Create a duplicate user",
    source=f"{SOURCE}: Create a duplicate User",
    proves="Nobody is made twice.",
    change=(
        "Refuse a second person with the same matching attribute with 409 and scimType uniqueness, "
        "whatever the letter case."
    ),
)
async def create_duplicate(trial: Trial) -> None:
    subject = await trial.person()
    sent = trial.creation(trial.users, subject.values)
    answers.expect(sent, await trial.send(sent), 409)


@check(
    "W3",
    "Filter for an existing user",
    source=f"{SOURCE}: Filter for an existing User",
    proves="Who was made is found by each matching attribute.",
    change=(
        "Answer GET /Users?filter=… for each matching attribute with a ListResponse of exactly "
        "the one that has the value."
    ),
)
async def filter_existing(trial: Trial) -> None:
    subject, _ = await trial.person(), await trial.person()
    for line in trial.users.matching:
        found = await trial.find(trial.users, line.target, str(subject.values[line.target]))
        if [answers.identity(each) for each in found] != [subject.id]:
            raise Failed(f"The search by {line.target} finds {len(found)} where 1 is due")
        trial.compare(trial.users, found[0], subject.values)


@check(
    "W4",
    "Filter for a non-existing user",
    source=f"{SOURCE}: Filter for a non-existing User",
    proves="A search that finds nobody is answered with an empty list.",
    change=(
        "Answer a search that finds nobody with 200 and a ListResponse with totalResults 0: a 404 "
        "puts Entra's job into quarantine, and anybody else than asked for would be changed."
    ),
)
async def filter_nobody(trial: Trial) -> None:
    await trial.person()
    for line in trial.users.matching:
        if found := await trial.find(trial.users, line.target, trial.samples.guid()):
            raise Failed(f"The search by {line.target} for nobody finds {len(found)}")


@check(
    "W5",
    "Filter for a user in another letter case",
    source=f"{SOURCE}: Filter for an existing User with a different case",
    proves="Who is known in another letter case is found, and shown as stored.",
    change=(
        "Compare userName without regard to letter case, and show it as it was sent: Entra would "
        "otherwise try to make the person again, and get 409, in every cycle."
    ),
)
async def filter_other_case(trial: Trial) -> None:
    line = matching(trial.users)
    case_folded(line)
    subject = await trial.person()
    found = await trial.find(trial.users, line.target, subject.name.swapcase())
    if [answers.identity(each) for each in found] != [subject.id]:
        raise Failed(f"The search in other letter case finds {len(found)} where 1 is due")
    trial.compare(trial.users, found[0], {line.target: subject.name})


@check(
    "W6",
    "Replace attributes, an operation each",
    source=f"{SOURCE}: Patch User - Replace Attributes (verbose)",
    proves="Each attribute of the mapping can be replaced by its path.",
    change=(
        "Let PATCH replace each of these attributes by its path, and show the value as it was sent."
    ),
)
async def replace_verbose(trial: Trial) -> None:
    await replaced(trial, await trial.person(), VERBOSE)


@check(
    "W7",
    "Replace attributes, in one operation",
    source=f"{SOURCE}: Patch User - Replace Attributes (non-verbose)",
    proves="Several attributes can be replaced by one operation without a path.",
    change=(
        "Read each key of an operation without path as a path of its own: name.givenName, "
        "urn:…:User:department. Entra with the flag aadOptscim062020 writes them so."
    ),
)
async def replace_gathered(trial: Trial) -> None:
    await replaced(trial, await trial.person(), FLAGGED, whole=True)


@check(
    "W8",
    "Update the userName",
    source=f"{SOURCE}: Update User userName",
    proves="Somebody can be renamed, and is then found by the new name only.",
    change="Let PATCH change the matching attribute, keep the id, and search by the new value.",
)
async def rename(trial: Trial) -> None:
    await renamed(trial, await trial.person())


@check(
    "W9",
    "Disable a user",
    source=f"{SOURCE}: Disable User",
    needs=("users", "active"),
    proves="Who is disabled shows active false, and is still found.",
    change=(
        "Keep who is disabled visible, to searches too, with active false: Entra would otherwise "
        "make the person again, and get 409."
    ),
)
async def disable(trial: Trial) -> None:
    subject = await trial.person()
    await trial.patch(subject, {"op": "replace", "path": "active", "value": False})
    for resource in (await trial.read(subject), await trial.found(subject)):
        if resource.get("active") is not False:
            raise Failed("The person does not show active false")


@check(
    "W10",
    "Add attributes, an operation each",
    source=f"{SOURCE}: Patch User - Add Attributes (verbose)",
    proves="What somebody did not have can be added by its path.",
    change=(
        "Let PATCH add each of these attributes by its path; a path with a filter that nothing "
        'matches, such as emails[type eq "work"].value, makes the element with that type.'
    ),
)
async def add_verbose(trial: Trial) -> None:
    await added(trial, VERBOSE)


@check(
    "W10b",
    "Add attributes, in one operation",
    source=f"{SOURCE}: Patch User - Add Attributes (non-verbose)",
    proves="What somebody did not have can be added by one operation without a path.",
    change="Read each key of an operation without path as a path of its own: name.givenName.",
)
async def add_gathered(trial: Trial) -> None:
    await added(trial, FLAGGED, whole=True)


@check(
    "W11",
    "Add a manager",
    source=f"{SOURCE}: Update User - Add Manager",
    needs=("users", "manager"),
    proves="A manager can be set, and is shown as an object with value.",
    change="Store the manager's id, and show manager as an object with value.",
)
async def add_manager(trial: Trial) -> None:
    subject, boss = await trial.person(), await trial.person()
    await managed(trial, subject, {"op": "add", "value": {"value": boss.id}}, boss.id)


@check(
    "W12",
    "Replace a manager",
    source=f"{SOURCE}: Update User - Replace Manager",
    needs=("users", "manager"),
    proves="A manager can be exchanged.",
    change="Let PATCH replace the manager, and show the new one as an object with value.",
)
async def replace_manager(trial: Trial) -> None:
    subject, boss, next_boss = [await trial.person() for _ in range(3)]
    await managed(trial, subject, {"op": "add", "value": {"value": boss.id}}, boss.id)
    await managed(trial, subject, {"op": "replace", "value": {"value": next_boss.id}}, next_boss.id)


@check(
    "W13",
    "Remove a manager",
    source=f"{SOURCE}: Update User - Remove Manager",
    needs=("users", "manager"),
    proves="A manager can be taken away, and is not shown then.",
    change="Let PATCH remove the manager, and leave manager out of answers then.",
)
async def remove_manager(trial: Trial) -> None:
    subject, boss = await trial.person(), await trial.person()
    await managed(trial, subject, {"op": "add", "value": {"value": boss.id}}, boss.id)
    await managed(trial, subject, {"op": "remove"}, None)


@check(
    "W14",
    "Delete a user",
    source=f"{SOURCE}: Delete a User",
    proves="Who is deleted is gone.",
    change="Answer DELETE with 204, and requests for what was deleted with 404.",
)
async def delete(trial: Trial) -> None:
    subject = await trial.person()
    await trial.delete(subject)
    if await trial.find(trial.users, matching(trial.users).target, subject.name):
        raise Failed("Who was deleted is still found")


CHECKS = (
    create, create_duplicate, filter_existing, filter_nobody, filter_other_case, replace_verbose,
    replace_gathered, rename, disable, add_verbose, add_gathered, add_manager, replace_manager,
    remove_manager, delete,
)  # fmt: skip
