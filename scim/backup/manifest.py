"""The manifest of a backup: written last, so that one without it is none.

It names each part with its digest, and its own digest covers all the rest of it.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from scim.backup.ports import Damaged
from scim.definitions import Document
from scim.directory import Directory

FORMAT: Literal[1] = 1
NAME = "manifest.json"
UNFINISHED = "unfinished.json"  # as far as it came; the same document
LARGEST = 8 * 1024 * 1024  # bytes; a directory's record has at most 480,000 characters

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class Part(Document):
    """A file of the backup, beside the manifest; rows of a later round replace earlier ones'.

    `last` is the key that was come to with it, where there is an order: it holds no later row.
    """

    # Nothing that leads out of the folder is such a name.
    name: str = Field(pattern=r"^(rows|credentials)-[0-9a-z-]{1,40}\.jsonl\.gz$")
    kind: Literal["rows", "credentials"]
    round: Count
    lines: Count
    bytes: Count
    sha256: Hex
    last: str = ""


class Manifest(Document):
    """What a backup holds.

    `counts` are rows by kind (`storage/keys.py`), `digest` what they amount to (`lines.py`), both
    after all rounds. `settled`: nothing was written while the last round read everything once more,
    so the rows are those of one moment between `began` and `ended`. Of what `differed` in the last
    round, `edited` are rows of large edits of members. `after` and `round` say where one that is
    not ended goes on.
    """

    format: Literal[1] = FORMAT
    service: str
    directory: dict[str, Any]
    began: str
    ended: str = ""
    parts: tuple[Part, ...] = ()
    counts: dict[str, Count] = Field(default_factory=dict)
    digest: Hex = "0" * 64
    credentials: Count = 0
    settled: bool = False
    differed: Count = 0
    edited: Count = 0
    foreign: Count = 0
    round: Count = 0
    after: str = ""

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    @property
    def written(self) -> int:
        """How many lines of rows there are, those that were replaced included."""
        return sum(each.lines for each in self.parts if each.kind == "rows")

    def record(self) -> Directory:
        """Read the directory's record. Raises Damaged."""
        try:
            return Directory.model_validate(self.directory)
        except ValueError:  # not told why: the error quotes the record
            raise Damaged(
                "the directory's record in the manifest can't be read: another version of this"
                " program wrote it; restore with that version"
            ) from None

    def sealed(self) -> bytes:
        """Write it, with its own digest."""
        document = self.model_dump(mode="json", by_alias=True)
        text = json.dumps({**document, "sha256": _digest(document)}, indent=1)
        return text.encode() + b"\n"


def opened(text: bytes) -> Manifest:
    """Read a manifest. Raises Damaged."""
    try:
        document = json.loads(text)
        digest, format = document.pop("sha256"), document["format"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Damaged("the manifest is damaged: it is not the JSON that was written") from None
    if format != FORMAT:
        raise Damaged(
            f"the backup has another format than {FORMAT}, the one that this version of the program"
            " reads: restore with the version that wrote it"
        )
    if digest != _digest(document):
        raise Damaged("the manifest is damaged: it does not have the digest that it had")
    try:
        return Manifest.model_validate(document)
    except ValidationError:
        raise Damaged("the manifest is damaged, or was not written by this program") from None


def _digest(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
