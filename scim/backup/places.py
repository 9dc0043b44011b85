"""Where backups may be kept: a folder, or a container of blobs by its URL."""

from ipaddress import ip_address
from urllib.parse import urlsplit

_WANTED = (
    "it must be a folder, or a container's URL, with a prefix if there is to be one:"
    " https://ACCOUNT.blob.core.windows.net/CONTAINER"
)


def check_place(text: str) -> str:
    """Check where backups are to be kept. Raises ValueError with a sentence, without the value.

    An access token of ours goes to the host of a URL, so it must be one of blobs; Azurite's
    (`http://127.0.0.1:PORT/devstoreaccount1/CONTAINER`) knows a key that is public.
    """
    if "://" not in text:
        if "\0" in text or text.lower().startswith(("https:", "http:")):
            raise ValueError(_WANTED)
        return text
    try:
        url = urlsplit(text)
        host = url.hostname or ""
        _ = url.port  # raises on nonsense
    except ValueError:
        raise ValueError(_WANTED) from None
    known = (url.scheme == "https" and ".blob." in host) or (
        url.scheme == "http" and _loopback(host)
    )
    segments = [each for each in url.path.split("/") if each]
    least = 1 if url.scheme == "https" else 2
    if not known or len(segments) < least or "@" in url.netloc or {".", ".."} & {*segments}:
        raise ValueError(_WANTED)
    if url.query or url.fragment:
        raise ValueError(
            "it must be a container's URL without a query: it is opened by sign-in, and a signature"
            " in a URL is a secret"
        )
    return text


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
