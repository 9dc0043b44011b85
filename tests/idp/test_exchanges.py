"""Every recorded exchange is answered as its file says, on every store, over real HTTP."""

from pathlib import Path

import pytest

from storage.open import Storage
from tests.idp.exchange import FILES, load, replay
from tests.idp.serving import over_http
from tests.service import open_directory


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_an_exchange_is_answered_as_recorded(
    file: Path, storage: Storage, host: str | None
) -> None:
    exchange = load(file)
    client = await open_directory(storage, **exchange.directory)
    async with over_http(client, host) as (send, base_url):
        await replay(exchange, send, base_url)


def test_every_exchange_names_its_evidence() -> None:
    assert len(FILES) > 20
    assert all(load(file).source for file in FILES)
