"""The app, imported once as the Functions worker does, over the memory store."""

from collections.abc import Iterator
from types import ModuleType

import azure.functions as func
import pytest


@pytest.fixture(scope="session")
def function_app() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("SCIM_STORAGE", "memory")
        environ.setenv("SCIM_PEPPER", "not-a-secret-" * 3)
        environ.delenv("SCIM_PUBLIC_URL", raising=False)
        import function_app

        yield function_app


@pytest.fixture(scope="session")
def indexed(function_app: ModuleType) -> dict[str, func.Function]:
    """What the worker indexes; a FunctionApp can be asked once."""
    return {str(each.get_function_name()): each for each in function_app.app.get_functions()}


@pytest.fixture(scope="session")
def functions(indexed: dict[str, func.Function]) -> dict[str, func.Function]:
    """Those that answer requests."""
    return {name: each for name, each in indexed.items() if name not in ("backup", "purge")}
