"""Row keys: where each kind of row of a directory is.

    r:{type}:{id}                     a resource
    a:{id}                            its anchor: exists as long as the resource, tells its type
    u:{type}:{hash}                   the claim on a unique value
    i:{type}:{hash}:{id}              an indexed value
    m:{group type}:{group}:{member}   a membership, found by group
    n:{member type}:{member}:{group}  the same, found by member
    c:{entry id}                      what changed, was refused, was done by an operator
    w:{name}                          a remembered text
    d:{type}:{id}                     the tombstone of a deleted resource
    d:{type}:{id}:{change id}:{n}     what of it has no room there
    k:{type}:{hash}:{id}              a value that a tombstone is found by
    o:{type}:{id}                     a revival that has memberships left to bring back
    s:{type}:{id}                     a deletion that has memberships left to remove
    p:{type}:{group}:{edit}           a large edit of members that is pending, or was
    p:{type}:{group}:{edit}:{n}       what of it is yet to be done, as much as a transaction holds

Keys are ASCII, hashed where a value could be personal or long, and at most 165 characters (Cosmos
DB takes 255 bytes). An id that can't be in a key belongs to no resource.
"""

import base64
import hashlib
import re

from scim import ids
from scim.repository import Key

TOMBSTONES = "d:"  # what their keys begin with, of every type
REVIVALS = "o:"
DELETIONS = "s:"
EDITS = "p:"
ENDED = "-done"  # what is behind a version since a large edit has come to its end

_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")


def usable(id: str) -> bool:
    """Tell whether an id can be in a key."""
    return ids.usable(id)


def resource(type: str, id: str) -> str:
    return f"r:{type}:{id}"


def anchor(id: str) -> str:
    return f"a:{id}"


def claim(type: str, key: Key) -> str:
    return f"u:{type}:{_hash(key)}"


def index(type: str, key: Key, id: str) -> str:
    return f"i:{type}:{_hash(key)}:{id}"


def member(group_type: str, group: str, member: str) -> str:
    return f"m:{group_type}:{group}:{member}"


def group(member_type: str, member: str, group: str) -> str:
    return f"n:{member_type}:{member}:{group}"


def change(id: str) -> str:
    return f"c:{id}"


def entry(version: str) -> str:
    """Say where the entry of a version is: ends of large edits have that of what was before."""
    return change(version.partition(ENDED)[0])


def bookmark(name: str) -> str:
    if _NAME.fullmatch(name):
        return f"w:{name}"
    return f"w:~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def tombstone(type: str, id: str) -> str:
    return f"{TOMBSTONES}{type}:{id}"


def tombstone_part(type: str, id: str, change: str, number: int) -> str:
    return f"d:{type}:{id}:{change}:{number:04}"


def tombstone_key(type: str, key: Key, id: str) -> str:
    return f"k:{type}:{_hash(key)}:{id}"


def revival(type: str, id: str) -> str:
    return f"{REVIVALS}{type}:{id}"


def deletion(type: str, id: str) -> str:
    return f"{DELETIONS}{type}:{id}"


def pending(type: str, group: str, edit: str) -> str:
    return f"{EDITS}{type}:{group}:{edit}"


def pending_part(type: str, group: str, edit: str, number: int) -> str:
    return f"{pending(type, group, edit)}:{number:05}"


def last_part(key: str) -> str:
    """Read the id that a key ends with."""
    return key.rpartition(":")[2]


def below(prefix: str) -> tuple[str, str]:
    """Give both ends of the range of keys that begin with a prefix; it ends with a colon."""
    return prefix, prefix[:-1] + ";"


def _hash(key: Key) -> str:
    text = f"{key.attribute}\0{key.value}".encode("utf-8", "surrogatepass")
    return base64.b32encode(hashlib.sha256(text).digest()).decode().lower().rstrip("=")
