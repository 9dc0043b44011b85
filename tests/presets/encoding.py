"""How Microsoft's library writes a query: parameters in its order, .NET's encoding, quirks kept."""

_UNRESERVED = "-_.!*()"  # what .NET's HttpUtility.UrlEncode leaves alone, beside letters and digits
_ENCODED_IN_VALUES = ";/?:@&=+$,#[]!'()*"
_ORDER = ("attributes", "excludedAttributes", "filter", "startIndex", "count")


def url_encode(text: str) -> str:
    """Encode as HttpUtility.UrlEncode does: a space is `+`, escapes are in lower case."""
    return "".join(
        "+"
        if each == " "
        else each
        if each.isascii() and (each.isalnum() or each in _UNRESERVED)
        else "".join(f"%{byte:02x}" for byte in each.encode())
        for each in text
    )


def encoded_value(value: str) -> str:
    """Encode a filter's value: characters of a list alone, so `%`, quotes and backslashes stay.

    What can't stand in a request line is encoded, as any HTTP client does.
    """
    for each in _ENCODED_IN_VALUES:
        value = value.replace(each, f"%{ord(each):02x}")
    value = value.replace(" ", "+")
    return "".join(
        each if "!" <= each <= "~" else "".join(f"%{byte:02X}" for byte in each.encode())
        for each in value
    )


def equals(path: str, value: str) -> str:
    """Write an encoded `path eq "value"`."""
    return f"{url_encode(path)}+eq+%22{encoded_value(value)}%22"


def library_query(**parameters: str) -> str:
    """Write a query; a filter is encoded already, except the spaces around its `and`."""
    chosen = ((name, parameters[name]) for name in _ORDER if name in parameters)
    return "&".join(f"{name}={value.replace(' ', '+')}" for name, value in chosen)
