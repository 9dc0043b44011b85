"""What Entra needs of a token endpoint: OAuth 2.0 client credentials (RFC 6749 §4.4, §5)."""

from scim.cli.rehearsal.check import Failed, Skipped, check
from scim.cli.rehearsal.trial import Trial
from scim.cli.simulator.oauth import Client
from scim.cli.simulator.wire import Received, Sent

_LIVES = range(3600, 21600 + 1)  # seconds
_REFUSALS = (400, 401)
_JSON = "application/json"


@check(
    "R-07",
    "The token endpoint",
    source="SCIM Validation Logic App, test 21; Microsoft Learn, gallery requirements; RFC 6749 §5",
    needs=("client",),
    proves=(
        "A client gets a Bearer token of 60 to 360 minutes that nobody may cache; a wrong secret"
        " and an unknown client are refused alike."
    ),
    change=(
        "Answer the form with JSON: access_token, token_type Bearer, expires_in of 3600 to 21600,"
        " and Cache-Control: no-store; answer who is no client with 401 and the error"
        " invalid_client."
    ),
)
async def endpoint(trial: Trial) -> None:
    client = trial.context.client
    if client is None:
        raise Skipped("no client was given")
    given = await trial.send(client.asking(), client.ask)
    document = _document(given)
    if given.status != 200:
        raise Failed(f"The token endpoint answers {given.status} to the client's own secret")
    if not isinstance(document.get("access_token"), str) or not document["access_token"]:
        raise Failed("The answer has no access_token")
    if str(document.get("token_type")).lower() != "bearer":
        raise Failed("The answer's token_type is not Bearer")
    seconds = document.get("expires_in")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds not in _LIVES:
        raise Failed("The answer's expires_in is no number from 3600 to 21600")
    if "no-store" not in given.headers.get("cache-control", "").lower():
        raise Failed("The answer with the token lacks Cache-Control: no-store")
    wrong = await _refused(trial, client, client.asking(client_secret=trial.samples.guid()))
    unknown = await _refused(trial, client, client.asking(client_id=trial.samples.guid()))
    if wrong.status != unknown.status:
        raise Failed("A wrong secret and an unknown client have answers of different status")


async def _refused(trial: Trial, client: Client, sent: Sent) -> Received:
    received = await trial.send(sent, client.ask)
    if received.status not in _REFUSALS:
        raise Failed(f"Who is no client, or has a wrong secret, is answered {received.status}")
    if _document(received).get("error") != "invalid_client":
        raise Failed("The answer to who is no client has another error than invalid_client")
    return received


def _document(received: Received) -> dict[str, object]:
    type = received.headers.get("content-type", "").partition(";")[0].strip().lower()
    if type != _JSON:
        raise Failed(f"The token endpoint's Content-Type is {type or 'missing'}, not {_JSON}")
    document = received.json
    if not isinstance(document, dict):
        raise Failed("The token endpoint's answer is no JSON object")
    return document


CHECKS = (endpoint,)
