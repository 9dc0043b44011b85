"""What Microsoft's SCIM Validator web app tests: W1 to W14 about people, W15 to W26 about groups.

P1 to P7 are its preview's, and optional.
"""

from collections.abc import Awaitable, Callable

from scim.cli.rehearsal import validator
from scim.cli.rehearsal.check import Check, Need, Play
from scim.cli.rehearsal.trial import Trial
from scim.cli.simulator.mapping import Objects

USERS: tuple[Need, ...] = ("users",)
ACTIVE: tuple[Need, ...] = ("users", "active")
MANAGER: tuple[Need, ...] = ("users", "manager")
GROUPS: tuple[Need, ...] = ("groups",)
MEMBERS: tuple[Need, ...] = ("users", "groups", "members")

_HIDE = (
    "Leave members out of answers to requests with excludedAttributes=members: Entra logs "
    "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse."
)
_DELETE = "Answer DELETE with 204, and requests for what was deleted with 404."
_UNKNOWN = "Answer DELETE of an unknown id with 404."
_AGAIN = "Answer DELETE of what was deleted already with 404."
_ORDER = "Apply the operations of a PATCH in their order, each to what the one before left."


def _test(
    id: str,
    title: str,
    test: str,
    play: Play,
    needs: tuple[Need, ...],
    proves: str,
    change: str,
) -> Check:
    """Make a check of one of its tests; `test` is what it is called there."""
    preview = id.startswith("P")
    source = f"SCIM Validator{', preview' if preview else ''}: {test}"
    return Check(id, title, source, proves, change, play, not preview, needs)


def people(do: Callable[[Trial, Objects], Awaitable[None]]) -> Play:
    """Play it with people."""
    return lambda trial: do(trial, trial.users)


def groups(do: Callable[[Trial, Objects], Awaitable[None]]) -> Play:
    """Play it with groups."""
    return lambda trial: do(trial, trial.groups)


CHECKS = (
    _test("W1", "Create a user", "Create a new User",
        people(validator.create), USERS,
        "A person is made with all that the mapping sends, and the answer shows it.",
        "Answer POST /Users with 201 and the complete resource: its id, and each attribute as it "
        "was sent."),
    _test("W2", "Create a duplicate user", "Create a duplicate User",
        people(validator.create_duplicate), USERS,
        "Nobody is made twice.",
        "Refuse a second person with the same matching attribute with 409 and scimType "
        "uniqueness, whatever the letter case."),
    _test("W3", "Filter for an existing user", "Filter for an existing User",
        validator.filter_existing, USERS,
        "Who was made is found by each matching attribute.",
        "Answer GET /Users?filter=… for each matching attribute with a ListResponse of exactly "
        "the one that has the value."),
    _test("W4", "Filter for a non-existing user", "Filter for a non-existing User",
        people(validator.filter_nobody), USERS,
        "A search that finds nobody is answered with an empty list.",
        "Answer a search that finds nobody with 200 and a ListResponse with totalResults 0: a 404 "
        "puts Entra's job into quarantine, and anybody else than asked for would be changed."),
    _test("W5", "Filter for a user in another letter case",
        "Filter for an existing User with a different case",
        people(validator.filter_other_case), USERS,
        "Who is known in another letter case is found, and shown as stored.",
        "Compare userName without regard to letter case, and show it as it was sent: Entra would "
        "otherwise try to make the person again, and get 409, in every cycle."),
    _test("W6", "Replace attributes, an operation each",
        "Patch User - Replace Attributes (verbose)",
        validator.replace_verbose, USERS,
        "Each attribute of the mapping can be replaced by its path.",
        "Let PATCH replace each of these attributes by its path, and show the value as it was "
        "sent."),
    _test("W7", "Replace attributes, in one operation",
        "Patch User - Replace Attributes (non-verbose)",
        validator.replace_gathered, USERS,
        "Several attributes can be replaced by one operation without a path.",
        "Read each key of an operation without path as a path of its own: name.givenName, "
        "urn:…:User:department. Entra with the flag aadOptscim062020 writes them so."),
    _test("W8", "Update the userName", "Update User userName",
        validator.rename, USERS,
        "Somebody can be renamed, and is then found by the new name only.",
        "Let PATCH change the matching attribute, keep the id, and search by the new value."),
    _test("W9", "Disable a user", "Disable User",
        validator.disable, ACTIVE,
        "Who is disabled shows active false, and is still found.",
        "Keep who is disabled visible, to searches too, with active false: Entra would otherwise "
        "make the person again, and get 409."),
    _test("W10", "Add attributes, an operation each", "Patch User - Add Attributes (verbose)",
        validator.add_verbose, USERS,
        "What somebody did not have can be added by its path.",
        "Let PATCH add each of these attributes by its path; a path with a filter that nothing "
        'matches, such as emails[type eq "work"].value, makes the element with that type.'),
    _test("W10b", "Add attributes, in one operation",
        "Patch User - Add Attributes (non-verbose)",
        validator.add_gathered, USERS,
        "What somebody did not have can be added by one operation without a path.",
        "Read each key of an operation without path as a path of its own: name.givenName."),
    _test("W11", "Add a manager", "Update User - Add Manager",
        validator.add_manager, MANAGER,
        "A manager can be set, and is shown as an object with value.",
        "Store the manager's id, and show manager as an object with value."),
    _test("W12", "Replace a manager", "Update User - Replace Manager",
        validator.replace_manager, MANAGER,
        "A manager can be exchanged.",
        "Let PATCH replace the manager, and show the new one as an object with value."),
    _test("W13", "Remove a manager", "Update User - Remove Manager",
        validator.remove_manager, MANAGER,
        "A manager can be taken away, and is not shown then.",
        "Let PATCH remove the manager, and leave manager out of answers then."),
    _test("W14", "Delete a user", "Delete a User",
        people(validator.delete), USERS,
        "Who is deleted is gone.",
        _DELETE),
    _test("W15", "Create a group", "Create a new Group",
        groups(validator.create), GROUPS,
        "A group is made with all that the mapping sends, and the answer shows it.",
        "Answer POST /Groups with 201 and the complete group, with its id."),
    _test("W16", "Create a duplicate group", "Create a duplicate Group",
        groups(validator.create_duplicate), GROUPS,
        "No group is made twice.",
        "Refuse a second group with the same matching attribute (displayName, unless the mapping "
        "says otherwise) with 409 and scimType uniqueness."),
    _test("W17", "Get a group without its members", "Get a group by id excluding members",
        validator.get_hidden, MEMBERS,
        "GET by id with excludedAttributes=members shows no members.",
        _HIDE),
    _test("W18", "Filter for a group without its members",
        "Filter for an existing group excluding members",
        validator.filter_hidden, MEMBERS,
        "A search with excludedAttributes=members shows no members.",
        _HIDE),
    _test("W19", "Filter for a group with its members", "Filter for an existing group",
        validator.filter_shown, MEMBERS,
        "A search that does not exclude the members shows them.",
        "Show members in answers to requests that don't leave them out."),
    _test("W20", "Filter for a non-existing group", "Filter for a non-existing group",
        groups(validator.filter_nobody), GROUPS,
        "A search that finds no group is answered with an empty list.",
        "Answer a search that finds nothing with 200 and a ListResponse with totalResults 0."),
    _test("W21", "Filter for a group in another letter case",
        "Filter for an existing group with a different case",
        groups(validator.filter_other_case), GROUPS,
        "A group is found in another letter case, and shown as stored.",
        "Compare displayName without regard to letter case, and show it as it was sent."),
    _test("W22", "Replace attributes of a group", "Patch Group - Replace Attributes",
        validator.replace_group, GROUPS,
        "What the mapping has of a group can be replaced, and its members stay.",
        "Let PATCH of a group replace what it names, and nothing else."),
    _test("W23", "Update the displayName of a group", "Update Group displayName",
        validator.rename_group, GROUPS,
        "A group can be renamed, is then found by the new name only, and its members stay.",
        "Let PATCH change the name of a group, and keep its id and its members."),
    _test("W24", "Add a member", "Patch Group - Add Member",
        validator.add_member, MEMBERS,
        "Members that are added are there, beside those that were there.",
        "Let PATCH add the members in value, by their ids, to those that the group has."),
    _test("W25", "Remove a member", "Patch Group - Remove Member",
        validator.remove_member, MEMBERS,
        "The member that is named by a filter is removed, and nobody else.",
        'Let PATCH remove members[value eq "id"], and only that one.'),
    _test("W26", "Delete a group", "Delete a Group",
        groups(validator.delete), GROUPS,
        "A group that is deleted is gone.",
        _DELETE),
    _test("P1", "Several operations on different attributes",
        "Patch User - Multiple Ops on different attributes",
        validator.several, USERS,
        "Operations that add, replace and remove can be in one PATCH.",
        "Apply all operations of a PATCH, one after another."),
    _test("P2", "Several operations on one attribute",
        "Patch User - Multiple Ops on same attribute",
        validator.one_attribute, USERS,
        "Of several operations on one attribute, the last one counts.",
        _ORDER),
    _test("P3", "Delete a non-existing user", "Delete a non-existing User",
        people(validator.delete_unknown), USERS,
        "DELETE of somebody unknown is answered with 404.",
        _UNKNOWN),
    _test("P4", "Delete a user twice", "Delete the same User twice",
        people(validator.delete_twice), USERS,
        "The second DELETE of the same person is answered with 404.",
        _AGAIN),
    _test("P5", "Add and remove a member in one PATCH",
        "Patch Group - Multiple Ops on same attribute",
        validator.add_and_remove, MEMBERS,
        "Operations on members are applied one after another.",
        _ORDER),
    _test("P6", "Delete a non-existing group", "Delete a non-existing Group",
        groups(validator.delete_unknown), GROUPS,
        "DELETE of an unknown group is answered with 404.",
        _UNKNOWN),
    _test("P7", "Delete a group twice", "Delete the same Group twice",
        groups(validator.delete_twice), GROUPS,
        "The second DELETE of the same group is answered with 404.",
        _AGAIN),
)  # fmt: skip
