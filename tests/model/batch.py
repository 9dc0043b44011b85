"""Multipart: a transaction as the SDK sends it, and the answer that the SDK reads.

Read by cutting bytes: the `email` package takes a hundred times as long. A batch holds one change
set, a change set one operation in each part.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_BOUNDARY = re.compile(rb'boundary="?([^"\r\n;]+)"?')
_BLANK = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """One operation's request; names of headers are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request, or to an operation of a transaction."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


_REASONS: Mapping[int, str] = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


def reason(status: int) -> str:
    return _REASONS.get(status, "Unknown")


def parse(content: bytes) -> list[Part]:
    """Read a transaction's operations, in their order."""
    start = content.index(_BLANK)
    found = _BOUNDARY.search(content, 0, start)
    if found is None:
        return []
    pieces = content[start:].split(b"\r\n--" + found[1])
    return [_part(each) for each in pieces[1:] if not each.startswith(b"--")]


def _part(piece: bytes) -> Part:
    _, _, message = piece.partition(_BLANK)
    head, _, content = message.partition(_BLANK)
    first, *lines = head.decode().split("\r\n")
    method, url, _ = first.split(" ")
    fields = (each.partition(": ") for each in lines)
    return Part(method, url, {name.lower(): value for name, _, value in fields}, content)


def compose(answers: Iterable[Answer], id: str, *, cosmos: bool = False) -> tuple[str, bytes]:
    """Write the answer to a transaction: its Content-Type, and its bytes.

    Cosmos DB ends some lines of it in another way.
    """
    end = "\n" if cosmos else "\r\n"
    head = (
        f"--changesetresponse_{id}{end}Content-Type: application/http{end}"
        f"Content-Transfer-Encoding: binary{end}{end}"
    ).encode()
    parts = [
        f"--batchresponse_{id}{end}Content-Type: multipart/mixed;"
        f" boundary=changesetresponse_{id}\r\n\r\n".encode()
    ]
    for each in answers:
        fields = "".join(f"{name}: {value}\r\n" for name, value in each.headers.items())
        line = f"HTTP/1.1 {each.status} {reason(each.status)}\r\n{fields}\r\n"
        parts += [head, line.encode(), each.content, b"\r\n"]
    parts.append(f"--changesetresponse_{id}--{end}--batchresponse_{id}--\r\n".encode())
    return f"multipart/mixed; boundary=batchresponse_{id}", b"".join(parts)
