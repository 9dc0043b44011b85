"""A request's body: bytes in, JSON out, or an error that says what is wrong (RFC 7644 §3.8)."""

import json
import math
from typing import Any, NoReturn

from scim.errors import InvalidSyntax, TooLarge, UnsupportedMediaType
from scim.http import Request

_DEEPEST = 40  # no schema is deeper than four levels; more is an attack on whoever walks the tree
_TOO_DEEP = (
    f"the request's body is nested more than {_DEEPEST} levels deep: no schema asks for that"
)


def read_json(request: Request, limit: int) -> Any:
    """Parse the body as JSON, whatever JSON media type it claims; `limit` is in bytes.

    Entra sends `application/scim+json; charset=utf-8`; other clients `application/json` or nothing.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and not media_type.endswith(("/json", "+json", "/*")):
        raise UnsupportedMediaType(
            "the Content-Type of the request is not supported: send application/scim+json"
        )
    if len(request.body) > limit:
        raise TooLarge(
            f"the request's body is longer than {limit} bytes: split it into several requests"
        )
    if not request.body:
        if "chunked" in request.headers.get("transfer-encoding", "").lower():
            raise InvalidSyntax(
                "the body arrived empty because it was sent chunked: send it with a"
                " Content-Length header"
            )
        raise InvalidSyntax("the request has no body: send a JSON object")
    try:
        text = request.body.decode("utf-8-sig")
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_object,
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair can't be encoded
    except UnicodeDecodeError as error:
        raise InvalidSyntax("the request's body is not valid UTF-8: send it in UTF-8") from error
    except UnicodeEncodeError as error:
        raise InvalidSyntax(
            "a string in the request's body holds half a surrogate pair (\\ud800 to \\udfff): send"
            " both halves, or none"
        ) from error
    except json.JSONDecodeError as error:
        raise InvalidSyntax(
            f"the request's body is not valid JSON at line {error.lineno}, column {error.colno}:"
            f" {error.msg}"
        ) from error
    except RecursionError as error:
        raise InvalidSyntax(_TOO_DEEP) from error
    except ValueError as error:  # Python refuses integers of more than 4,300 digits
        raise InvalidSyntax(
            "the request's body holds a number that is too long: send it with fewer digits"
        ) from error
    if _depth(value) > _DEEPEST:
        raise InvalidSyntax(_TOO_DEEP)
    return value


def read_object(request: Request, limit: int) -> dict[str, Any]:
    """Parse the body as a JSON object."""
    value = read_json(request, limit)
    if not isinstance(value, dict):
        raise InvalidSyntax("the request's body must be a JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidSyntax(
        f"the request's body holds {name}, which is not a JSON number: leave it out"
    )


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # 1e400: it could be kept, and never be written as JSON again
        raise InvalidSyntax("the request's body holds a number beyond 1.8e308: send a smaller one")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidSyntax("an object in the request's body has the same key twice: send it once")
    return found


def _depth(value: Any) -> int:
    """Measure nesting level by level, without recursion."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            return depth
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = [each for each in inner if isinstance(each, dict | list)]
    return depth
