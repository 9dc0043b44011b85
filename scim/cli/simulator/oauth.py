"""Access tokens as Entra's client gets them: OAuth 2.0 client credentials (RFC 6749 §4.4).

One is asked for before the first request, and another when it is about to end. Where Entra leaves
open when that is, this asks a minute before.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from scim.cli.simulator.wire import NoAnswer, Received, Send, Sent

FORM = "application/x-www-form-urlencoded"
_EARLY = 60.0  # seconds before its end that a token is not used any more


class Client:
    """A client of a token endpoint; `send` sends to its host, `clock` is in seconds.

    `secrets` holds what must be in no report: the secret, and every access token that came.
    """

    def __init__(
        self, id: str, secret: str, path: str, send: Send, *, clock: Callable[[], float]
    ) -> None:
        self.id = id
        self.secrets = [secret]
        self._secret = secret
        self._path = path
        self._send = send
        self._clock = clock
        self._token = ""
        self._until = 0.0

    def asking(self, **other: str) -> Sent:
        """Make the request for an access token as Entra sends it; `other` parameters replace."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.id,
            "client_secret": self._secret,
            **other,
        }
        return Sent(
            "POST", self._path, body=urlencode(form).encode(), headers={"Content-Type": FORM}
        )

    async def ask(self, sent: Sent) -> Received:
        """Send a request to the token endpoint; a token that comes is kept out of reports."""
        received = await self._send(sent)
        if token := _text(received, "access_token"):
            self.secrets.append(token)
        return received

    async def token(self) -> str:
        """Give an access token that lives. Raises NoAnswer when there is none to be had."""
        now = self._clock()
        if now >= self._until:
            received = await self.ask(self.asking())
            token, seconds = _text(received, "access_token"), _member(received, "expires_in")
            if received.status != 200 or not token:
                raise NoAnswer(
                    "denied", f"the token endpoint answered {received.status}, without a token"
                )
            lives = float(seconds) if isinstance(seconds, int | float) else 0.0
            self._token, self._until = token, now + max(lives - _EARLY, 0.0)
        return self._token


def authorized(send: Send, client: Client) -> Send:
    """Give a send that adds a client's access token, unless a request says otherwise."""

    async def send_with_token(sent: Sent) -> Received:
        if "Authorization" not in sent.headers:
            said = {"Authorization": f"Bearer {await client.token()}", **sent.headers}
            sent = replace(sent, headers=said)
        return await send(sent)

    return send_with_token


def _member(received: Received, name: str) -> Any:
    """Read a member of an answer that is a JSON object; None for everything else."""
    try:
        document = received.json
    except ValueError:
        return None
    return document.get(name) if isinstance(document, dict) else None


def _text(received: Received, name: str) -> str:
    found = _member(received, name)
    fits = isinstance(found, str) and found.isascii() and found.isprintable() and " " not in found
    return found if fits else ""
