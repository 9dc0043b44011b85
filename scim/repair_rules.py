"""What can be wrong with rows, as an operator is told of it, and what heals each.

Which side is the truth follows from how writes commit (`docs/design.md`, Repair).
"""

from collections.abc import Mapping
from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to be wrong; `healed` says what is done about it, and nothing where a person decides.

    `ruled` is what is wrong only by the directory's rules: nothing while they are being changed.
    """

    name: str
    wrong: str
    healed: str = ""
    ruled: bool = False


_RULES = (
    Rule("resource-damaged", "a resource can't be read; nothing that may be its own is touched"),
    Rule("anchor-missing", "a resource lacks its anchor", "the anchor was written"),
    Rule("anchor-wrong", "an anchor says another type than its resource's", "it was corrected"),
    Rule("anchor-orphaned", "an anchor has no resource", "the anchor was removed"),
    Rule("same-id", "two resources of different types have one id; delete one of them"),
    Rule(
        "claim-missing",
        "a unique value is not claimed",
        "it was claimed",
        ruled=True,
    ),
    Rule(
        "claim-conflict",
        "a value that must be unique is held by another resource, too; change or delete one",
        ruled=True,
    ),
    Rule(
        "claim-stale",
        "a unique value is claimed for who does not hold it",
        "the claim was removed",
        ruled=True,
    ),
    Rule("index-missing", "a resource is not found by a value", "it was indexed", ruled=True),
    Rule("index-stale", "a value leads to who does not hold it", "its row was removed", ruled=True),
    Rule(
        "columns-wrong", "what filters look at is not what the resource is", "it was renewed", True
    ),
    Rule("change-missing", "a version has no entry in the log", "this entry stands for it"),
    Rule(
        "reference-dangling",
        "a reference names nobody that exists",
        "it was removed; provision it again",
        ruled=True,
    ),
    Rule("deletion-broken", "a deletion broke off; delete the resource, or write it"),
    Rule(
        "creation-broken",
        "a creation broke off, and members are missing; send it again, write all of it, or delete"
        " it",
    ),
    Rule("membership-damaged", "a display can't be read; remove the member and add it again"),
    Rule(
        "membership-of-nobody",
        "a membership's group or member does not exist",
        "the membership was removed",
    ),
    Rule("membership-type", "a membership says another type than its member's", "it was corrected"),
    Rule("reverse-missing", "a member is not shown in its group", "its side was written"),
    Rule(
        "reverse-alone",
        "somebody is shown in a group that does not list them",
        "that was removed; add them to the group if they belong to it",
    ),
    Rule("tombstone-damaged", "what is kept of a deleted resource can't be read"),
    Rule("tombstone-incomplete", "what is kept of a deleted resource lacks parts; it can't return"),
    Rule("tombstone-parts", "parts of a tombstone that was never finished", "they were removed"),
    Rule("tombstone-key-missing", "a tombstone is not found by all its values", "it is now"),
    Rule("tombstone-key-orphaned", "a value leads to no tombstone", "its row was removed"),
    Rule("revival-broken", "a revival broke off", "it was completed as the purge does"),
    Rule("revival-orphaned", "a revival is noted that is none", "the note was removed"),
    Rule(
        "edit-lost",
        "a group waits for a large edit of its members that is not there",
        "it waits no more; send the edit again",
    ),
    Rule(
        "edit-forgotten",
        "a large edit of members is noted that its group does not wait for",
        "it waits again; the purge does it",
    ),
    Rule(
        "edit-orphaned",
        "a large edit of members is noted whose group does not exist",
        "it was removed",
    ),
    Rule(
        "edit-damaged",
        "a part of a large edit of members can't be read",
        "that part was removed; send the edit again",
    ),
    Rule(
        "edit-parts", "parts of a large edit of members that was never begun", "they were removed"
    ),
    Rule("entry-damaged", "an entry of the log can't be read"),
    Rule(UNKNOWN, "a row of a kind that this version doesn't know"),
    Rule("record-damaged", "a record can't be read: it is damaged, or another version wrote it"),
    Rule("name-orphaned", "a name leads to no directory", "the name was removed"),
    Rule("name-missing", "a directory is not found by its name", "the name was written"),
    Rule("name-conflict", "a directory's name leads to another directory; remove one of them"),
    Rule("listing-missing", "a token works that no list shows", "it is listed"),
    Rule("listing-orphaned", "a list shows a token that does not exist", "it was taken out"),
    Rule("credential-orphaned", "a token's directory does not exist", "the token was removed"),
)
RULES: Mapping[str, Rule] = {each.name: each for each in _RULES}
