"""Entra's whole exchange with every preset, all in one server at once, over HTTP and Azurite.

Each is played with exactly the mapping that the preset's administrator enters, in both ways in
which Entra spells a PATCH; `rfc`, which takes neither, by a client that is as strict.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from scim.cli.mappings import mapping
from scim.cli.simulator.dialects import DEFAULT, FLAGGED, STRICT, Dialect
from tests.presets.exchange import Exchange
from tests.presets.serving import DIRECTORIES, Deployment


def cases() -> Iterator[Any]:
    for name, preset in DIRECTORIES.items():
        for dialect in (STRICT,) if preset == "rfc" else (DEFAULT, FLAGGED):
            yield pytest.param(name, dialect, id=f"{preset}-{dialect.name}")


@pytest.mark.parametrize(("name", "dialect"), [*cases()])
async def test_a_preset_answers_the_whole_exchange(
    deployment: Deployment, name: str, dialect: Dialect
) -> None:
    """Match, create, match again, update, disable, restore, delete; groups and members."""
    preset = DIRECTORIES[name]
    access = deployment.accesses[name]
    earlier = {each.id for each in await deployment.journal(name)}
    await Exchange(access.send, mapping(preset), dialect, dialect.name).play(
        kept=preset == "bitabiz"
    )
    log = [each for each in await deployment.journal(name) if each.id not in earlier]
    # Nothing was refused, except to show at the end who is gone.
    refused = [each for each in log if each.verb == "refuse"]
    assert {(each.operation[:4], each.status) for each in refused} <= {("GET ", 404)}
    written = {(each.verb, each.status) for each in log if each.verb != "refuse"}
    assert written <= {("create", 201), ("update", 200), ("update", 204), ("delete", 204)}


async def test_all_presets_are_played_at_the_same_time(deployment: Deployment) -> None:
    """Everybody has the same names in every directory, and nobody meets anybody else."""
    await asyncio.gather(
        *(
            Exchange(
                deployment.accesses[name].send,
                mapping(preset),
                STRICT if preset == "rfc" else DEFAULT,
                "together",
            ).play(kept=preset == "bitabiz")
            for name, preset in DIRECTORIES.items()
        )
    )


@pytest.mark.parametrize("name", DIRECTORIES)
async def test_all_that_is_mapped_is_discoverable(deployment: Deployment, name: str) -> None:
    """Flattened as Entra's tools do: names, sub-attributes, each canonical type in brackets."""
    status, found = await deployment.accesses[name].ask("GET", "/Schemas")
    assert status == 200
    paths = {path.lower() for schema in found["Resources"] for path in flattened(schema)}
    mapped = mapping(DIRECTORIES[name])
    for objects in mapped.objects:
        for line in objects.attributes:
            assert line.target.lower() in paths, line.target


def flattened(schema: Any) -> Iterator[str]:
    prefix = "" if ":core:" in schema["id"] else f"{schema['id']}:"
    for attribute in schema["attributes"]:
        yield prefix + attribute["name"]
        subs = {each["name"]: each for each in attribute.get("subAttributes", ())}
        for sub in subs:
            yield f"{prefix}{attribute['name']}.{sub}"
            for type in subs.get("type", {}).get("canonicalValues", ()):
                yield f'{prefix}{attribute["name"]}[type eq "{type}"].{sub}'


async def test_nothing_went_wrong_in_the_server(deployment: Deployment) -> None:
    """Runs last in this file: no answer was a 5xx, and nothing was logged as a bug."""
    text = deployment.log.read_text("utf-8")
    lines = [json.loads(each[each.index("{") :]) for each in text.splitlines() if "{" in each]
    assert len(lines) > 100
    assert not [each for each in lines if each.get("status", 0) >= 500]
    assert "Traceback" not in text
