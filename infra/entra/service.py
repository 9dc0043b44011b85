"""The service's side: where it is, its directories and tokens, by `python -m scim` and az."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from words import PYTHON, SCIM, Problem, remedy

ROOT = Path(__file__).parents[2]
DEPLOYMENT = "scim"  # as infra/deploy.sh names it
LABEL = "Entra"  # of tokens and clients that are entered here, and revoked here


@dataclass(frozen=True, slots=True)
class Service:
    """A deployment: addresses of the tables, the key vault and the service itself."""

    account: str
    vault: str
    url: str

    def preset(self, directory: str) -> str | None:
        """Find which preset a directory was made of. Raises Problem when there is no directory."""
        known = self._scim("directory", "list")
        for each in known:
            if each["name"] == directory:
                return each["preset"] or None
        names = ", ".join(str(each["name"]) for each in known) or "none"
        raise Problem(f"there is no directory {directory}; there is {names}")

    def issue(self, directory: str) -> Any:
        """Issue a token: `secretToken`, and its `id`."""
        return self._scim("token", "issue", directory, "--label", LABEL, vault=True)

    def rotate(self, directory: str) -> Any:
        """Issue the token that takes over; `replaces` are the ids of those before."""
        return self._scim("token", "rotate", directory, "--label", LABEL, vault=True)

    def client(self, directory: str) -> Any:
        """Make a client of the token endpoint: `clientId`, `clientSecret`, `tokenEndpoint`."""
        where = ("--label", LABEL, "--base-url", self.url)
        return self._scim("client", "add", directory, *where, vault=True)

    def client_secret(self, client: str) -> Any:
        """Issue a further secret of a client: `clientSecret`, and its `id`; `replaces` as above."""
        return self._scim("client", "secret", "issue", client, vault=True)

    def revoke_client(self, client: str) -> None:
        """End a client with all of its secrets."""
        self._scim("client", "revoke", client, "--yes")

    def command(self, *words: str) -> str:
        """Write a command for the operator to type."""
        return " ".join([SCIM, *words, "--account", self.account])

    def labels(self, directory: str) -> Mapping[str, str]:
        """Tell what each token of a directory is for, by its id."""
        return {each["id"]: each["label"] for each in self._scim("token", "list", directory)}

    def revoke(self, id: str) -> None:
        """Revoke a token."""
        self._scim("token", "revoke", id, "--yes")

    def _scim(self, *arguments: str, vault: bool = False) -> Any:
        store = ["--account", self.account, *(["--vault", self.vault] if vault else [])]
        done = subprocess.run(
            [PYTHON, "-m", "scim", *arguments, *store, "--json"],
            cwd=ROOT,
            stdout=subprocess.PIPE,  # a token comes this way; stderr is for the operator
            text=True,
            check=False,
        )
        if done.returncode:
            raise Problem(f"stopped: {SCIM} {' '.join(arguments[:2])} failed, see above")
        return json.loads(done.stdout)


def deployed(group: str) -> Service:
    """Find what infra/deploy.sh made in a resource group."""
    command = ["az", "deployment", "group", "show", "--resource-group", group, "--name", DEPLOYMENT]
    done = subprocess.run(
        [*command, "--query", "properties.outputs", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        mends = remedy(done.stderr) or f"see that infra/deploy.sh --group {group} has ended well"
        raise Problem(f"{done.stderr.strip()}\n{mends}")
    found = json.loads(done.stdout) or {}
    try:
        account, vault, url = (found[each]["value"] for each in ("tableUrl", "vaultUrl", "baseUrl"))
    except KeyError as error:
        raise Problem(
            f"the deployment in {group} has no output {error}: run infra/deploy.sh again"
        ) from error
    return Service(account, vault, url)
