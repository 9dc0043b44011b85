"""The search that ends every session finds what is planted, and only that."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from azure.data.tables import TableServiceClient

from scim.auth.access_tokens import Signer
from scim.cli.azurite import azurite
from scim.credentials import issue, register
from tests.host.serving import serving
from tests.leaks import Watch, find

PEPPER = b"a planted pepper, 32 bytes or more"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder apart from the session's own, where what is planted would be found."""
    with TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture
def token() -> str:
    return issue("directory", pepper=PEPPER, now=datetime.now(UTC))[0]


@contextmanager
def table_service(folder: Path) -> Iterator[TableServiceClient]:
    with (
        azurite(folder / "azurite") as connection,
        TableServiceClient.from_connection_string(connection) as service,
    ):
        yield service


@pytest.mark.parametrize("planted", ["token", "pepper"])
def test_a_secret_in_a_table_is_found(folder: Path, token: str, planted: str) -> None:
    """In the file that a real Azurite leaves behind, beside what may be there."""
    secret = token if planted == "token" else PEPPER.decode()
    with table_service(folder) as service:
        table = service.create_table("planted")
        table.create_entity({"PartitionKey": "p", "RowKey": "clean", "text": token[:-1]})
    assert find(folder, [PEPPER]) == []
    with table_service(folder) as service:
        row = {"PartitionKey": "p", "RowKey": "dirty", "text": f"x {secret} y"}
        service.get_table_client("planted").create_entity(row)
    (found, *_) = find(folder, [PEPPER])
    assert "__azurite_db_table__.json" in found
    assert secret not in found


def test_a_secret_in_a_log_file_is_found(folder: Path, token: str) -> None:
    (folder / "server.log").write_text(f"line 1\nGET /Users {token}\nline 3\n")
    (folder / "other.txt").write_text(token)  # what a command printed once, as it must
    (found,) = find(folder, [])
    assert found.startswith("server.log: after")
    assert token not in found


def test_a_pepper_that_a_server_made_itself_is_searched_for(folder: Path) -> None:
    (folder / "one/.local").mkdir(parents=True)
    (folder / "one/.local/pepper").write_text("made by a server, 32 bytes or more\n")
    assert find(folder, []) == []
    (folder / "server.log").write_text("made by a server, 32 bytes or more")
    assert len(find(folder, [])) == 1


def test_a_signed_token_is_a_secret_and_so_is_its_key(folder: Path) -> None:
    client = register("directory0", now=datetime.now(UTC))
    signed, _ = Signer([b"k" * 32]).mint(client, client.scopes, datetime.now(UTC))
    (folder / "server.log").write_text(f"line 1\nGET /Users {signed}\n")
    (found,) = find(folder, [])
    assert signed not in found
    (folder / ".local").mkdir()
    (folder / ".local/signing-key").write_text("made by a server, 32 bytes or more\n")
    (folder / "server.log").write_text("made by a server, 32 bytes or more")
    assert len(find(folder, [])) == 1


def test_a_secret_in_a_line_or_a_traceback_of_this_process_is_found(token: str) -> None:
    watch = Watch([PEPPER])
    logger = logging.Logger("planted")
    logger.addHandler(watch)
    logger.info("nothing to see")
    assert watch.found == []
    logger.info("token %s", token)
    try:
        raise ValueError(PEPPER.decode())
    except ValueError:
        logger.exception("failed", exc_info=sys.exc_info())
    assert len(watch.found) == 2
    assert all(each.startswith("the log of planted") for each in watch.found)


def test_a_server_that_tests_start_writes_a_log_that_is_searched(folder: Path) -> None:
    with serving(folder, "--storage", "memory") as (process, _):
        process.terminate()
        process.wait(30)
    (log,) = folder.glob("*.log")
    assert log.name == "server.log"
