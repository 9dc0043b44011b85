"""scim2-server's own application and store in memory, in waitress instead of the server of its
command, which closes the connection after each request. Runs in an environment of its own.
"""
# mypy: ignore-errors

import secrets
import sys

from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)
from waitress.server import create_server


def main() -> None:
    _, port, token = sys.argv
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
    )
    application = BearerTokenApplication(
        InMemoryStorage(),
        provider,
        service=ScimService(provider, secret=secrets.token_urlsafe(32)),
        bearer_tokens=[token],
    )
    server = create_server(application, host="127.0.0.1", port=int(port), threads=16)
    print("listening", flush=True)
    server.run()


if __name__ == "__main__":
    main()
