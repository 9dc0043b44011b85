"""What Entra does between an operator's commands."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from scim.http import Request
from scim.server import Server
from storage.open import open_storage
from tests.service import GROUP, HOST, PATCH_OP, PEPPER, USER, Answer


@dataclass(frozen=True)
class Tenant:
    """A directory with its token; each request is served by a new server, as after a minute."""

    storage: str
    name: str
    token: str

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        return asyncio.run(self._send(method, path, body))

    async def _send(self, method: str, path: str, body: Any) -> Answer:
        storage = open_storage(self.storage)
        server = Server(registry=storage.registry, repository=storage.repository, pepper=PEPPER)
        url = f"{HOST}/{self.name}/scim{path}"
        headers = {
            "authorization": f"Bearer {self.token}",
            "content-type": "application/scim+json",
        }
        content = b"" if body is None else json.dumps(body).encode()
        try:
            response = await server.handle(Request(method, url, headers, content))
        finally:
            await server.close()
            await storage.close()
        parsed = json.loads(response.body) if response.body else None
        return Answer(response.status, response.headers, parsed)

    def marked(self, **changed: Any) -> None:
        """Change the directory's record by hand."""

        async def change() -> None:
            storage = open_storage(self.storage)
            found = await storage.registry.directory_named(self.name)
            assert found is not None
            await storage.registry.change_directory(
                found.id, lambda now: now.model_copy(update=changed)
            )
            await storage.close()

        asyncio.run(change())

    def user(self, name: str, **attributes: Any) -> str:
        """Create a user and give its id."""
        answer = self.send("POST", "/Users", {"schemas": [USER], "userName": name, **attributes})
        assert answer.status == 201, answer.body
        return answer.id

    def group(self, name: str, *members: str, **attributes: Any) -> str:
        """Create a group with members, by their ids; gives its id."""
        values = [{"value": each} for each in members]
        body = {"schemas": [GROUP], "displayName": name, "members": values, **attributes}
        answer = self.send("POST", "/Groups", body)
        assert answer.status == 201, answer.body
        return answer.id

    def patch(self, path: str, *operations: Any) -> Answer:
        return self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": list(operations)})
