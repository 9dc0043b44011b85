"""`backup` and `restore`: what comes back is what was there, and nothing is half done."""

import gzip
import hashlib
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from scim.backup.manifest import opened
from scim.directory import Moving, Restoring
from tests.cli.conftest import Run
from tests.cli.requests import Tenant


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def only(place: Path, name: str) -> Path:
    [found] = (place / name).iterdir()
    return found


def forged(folder: Path, **changed: Any) -> None:
    """Write a manifest anew, with the digest that its new content has."""
    path = folder / "manifest.json"
    path.write_bytes(opened(path.read_bytes()).model_copy(update=changed).sealed())


def snapshot(tenant: Tenant) -> dict[str, Any]:
    """What a client reads of a directory."""
    found = {path: tenant.send("GET", path) for path in ("/Users?count=1000", "/Groups?count=1000")}
    return {path: each.body["Resources"] for path, each in found.items()}


def elsewhere(value: Any, name: str, other: str) -> Any:
    """The same, as it is in a directory of another name: locations differ."""
    return json.loads(json.dumps(value).replace(f"/{name}/scim", f"/{other}/scim"))


@pytest.fixture
def filled(tenant: Tenant, run: Run) -> Tenant:
    """A directory with people, groups in groups, a deleted person that is kept, a log."""
    run("directory", "set", tenant.name, "--delete", "soft", "--wait", "0")
    ann = tenant.user("ann@example.com", externalId="e-1", displayName="Ann é \u2028 日本")
    bob = tenant.user("bob@example.com", displayName="Bob")
    gone = tenant.user("gone@example.com")
    inner = tenant.group("inner", ann, gone)
    tenant.group("outer", inner, bob)
    assert tenant.send("DELETE", f"/Users/{gone}").status == 204
    return tenant


def test_a_directory_comes_back_under_its_own_name(
    run: Run, filled: Tenant, place: Path, name: str
) -> None:
    """Ids, versions, memberships both ways, claims, tombstones, log and tokens are as they were."""
    before = snapshot(filled)
    deleted = run("user", "list", name, "--deleted", "--json").json
    log = run("log", name, "--json").out
    made = run("backup", name, "--to", str(place), "--json").json
    assert made[0]["settled"]
    assert made[0]["counts"]["r"] == 4
    run("directory", "disable", name)
    run("directory", "remove", name, "--yes", "--wait", "0")
    assert filled.send("GET", "/Users").status == 401
    done = run("restore", name, "--from", str(place), "--json").json
    assert (done["state"], done["tokens"]) == ("enabled", 1)
    assert snapshot(filled) == before
    assert run("user", "list", name, "--deleted", "--json").json == deleted
    assert run("log", name, "--json").out.startswith(log)
    again = filled.send("POST", "/Users", {"schemas": [], "userName": "ann@example.com"})
    assert again.status == 409
    run("user", "restore", name, deleted[0]["id"])


def test_a_directory_comes_back_as_another_one(
    run: Run, filled: Tenant, place: Path, name: str, azurite: str
) -> None:
    """Same resources, ids and versions; tokens of the first open the first alone."""
    before = snapshot(filled)
    run("backup", name, "--to", str(place))
    done = run("restore", name, "--from", str(place), "--as", f"{name}-2", "--json").json
    assert (done["name"], done["state"], done["tokens"]) == (f"{name}-2", "enabled", 0)
    assert Tenant(azurite, f"{name}-2", filled.token).send("GET", "/Users").status == 401
    token = run("token", "issue", f"{name}-2", "--json").json["secretToken"]
    other = Tenant(azurite, f"{name}-2", token)
    assert snapshot(other) == elsewhere(before, name, f"{name}-2")
    assert snapshot(filled) == before


def test_nothing_is_written_over(run: Run, filled: Tenant, place: Path, name: str) -> None:
    run("backup", name, "--to", str(place))
    before = snapshot(filled)
    refused = run("restore", name, "--from", str(place), status=1)
    assert f"there is a directory {name} already" in refused.err
    assert snapshot(filled) == before
    run("restore", name, "--from", str(place), "--as", f"{name}-2")
    again = run("restore", name, "--from", str(place), "--as", f"{name}-2", status=1)
    assert "already" in again.err


def test_files_are_for_their_owner_alone(run: Run, tenant: Tenant, place: Path, name: str) -> None:
    run("backup", name, "--to", str(place))
    folder = only(place, name)
    files = list(folder.iterdir())
    assert {each.name.split("-")[0] for each in files} == {
        "rows", "credentials", "manifest.json", "unfinished.json",
    }  # fmt: skip
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def part(folder: Path, kind: str = "rows-0") -> Path:
    [found] = folder.glob(f"{kind}-*")
    return found


def flipped(folder: Path) -> None:
    data = bytearray(part(folder).read_bytes())
    data[len(data) // 2] ^= 1
    part(folder).write_bytes(data)


def recompressed(folder: Path) -> None:
    """A row is another one, in a file that is whole."""
    text = gzip.decompress(part(folder).read_bytes()).replace(b"bob@example", b"eve@example")
    part(folder).write_bytes(gzip.compress(text))


def cut(folder: Path) -> None:
    data = part(folder).read_bytes()
    part(folder).write_bytes(data[:-20])


def recut(folder: Path) -> None:
    """Cut off, and a manifest that says so."""
    cut(folder)
    data = part(folder).read_bytes()
    own = opened((folder / "manifest.json").read_bytes())
    first = own.parts[0].model_copy(update={"sha256": hashlib.sha256(data).hexdigest()})
    forged(folder, parts=(first, *own.parts[1:]))


def without_a_part(folder: Path) -> None:
    part(folder).unlink()


def without_credentials(folder: Path) -> None:
    part(folder, "credentials").write_bytes(gzip.compress(b""))


def otherwise_counted(folder: Path) -> None:
    forged(folder, counts={"r": 1})


def touched(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"enabled": true', '"enabled": false'))


def of_another_format(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))


def no_json(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)


def leading_out(folder: Path) -> None:
    own = opened((folder / "manifest.json").read_bytes())
    first = own.parts[0].model_copy(update={"name": "../../secret"})
    forged(folder, parts=(first, *own.parts[1:]))


def of_a_newer_record(folder: Path) -> None:
    own = opened((folder / "manifest.json").read_bytes())
    forged(folder, directory={**own.directory, "unheardOf": 1})


def bomb(folder: Path) -> None:
    part(folder).write_bytes(gzip.compress(b"x" * (64 << 20)))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flipped, "damaged"),
        (recompressed, "does not have the digest"),
        (cut, "cut off"),
        (recut, "cut off"),
        (without_a_part, "is missing"),
        (without_credentials, "digest"),
        (otherwise_counted, "are not those that its manifest counts"),
        (touched, "does not have the digest"),
        (of_another_format, "another format than 1"),
        (no_json, "not the JSON that was written"),
        (leading_out, "the manifest is damaged"),
        (of_a_newer_record, "another version of this program wrote it"),
        (bomb, "longer than any row"),
    ],
)
def test_a_backup_that_is_not_what_was_written_is_refused(
    run: Run, place: Path, name: str, damage: Any, said: str, shared: Path
) -> None:
    """By one sentence, and before anything is written."""
    shutil.copytree(shared, place / name)
    damage(only(place, name))
    refused = run("restore", name, "--from", str(place), "--as", f"{name}-2", status=1)
    assert said in refused.err
    assert "example" not in refused.err
    assert len(refused.err.splitlines()) == 1
    listed = run("directory", "list", "--json").json
    assert f"{name}-2" not in [each["name"] for each in listed]


_made: dict[str, Path] = {}


@pytest.fixture
def shared(run: Run, azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One backup for all who damage copies of it."""
    if azurite not in _made:
        name = "damaged"
        made = run("directory", "add", name, "--json").json
        tenant = Tenant(azurite, name, made["secretToken"])
        ids = [tenant.user(f"{each}@example.com") for each in ("ann", "bob")]
        tenant.group("both", *ids)
        place = tmp_path_factory.mktemp("backups")
        run("backup", name, "--to", str(place))
        _made[azurite] = place / name
    return _made[azurite]


def test_a_place_that_takes_nothing_is_named(run: Run, tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    refused = run("backup", tenant.name, "--to", str(file), status=1)
    assert f"the folder {file} can't be used for backups" in refused.err
    assert run("restore", tenant.name, "--from", str(tmp_path / "no"), status=1).err == (
        f"scim: there is no whole backup of {tenant.name} in {tmp_path / 'no'}\n"
    )
    for wrong in ("https://example.com", "http://example.com/container", "ftp://example.com/x"):
        said = run("backup", tenant.name, "--to", wrong, status=2).err
        assert "--to: it must be a folder, or a container's URL" in said


def test_a_name_or_all(run: Run, tmp_path: Path) -> None:
    assert run("backup", "--to", str(tmp_path), status=2).err
    assert run("backup", "x", "--all", "--to", str(tmp_path), status=2).err
    assert run("restore", "--all", "--as", "y", "--from", str(tmp_path), status=2).err


def test_backups_are_listed_and_chosen(run: Run, tenant: Tenant, place: Path, name: str) -> None:
    first = run("backup", name, "--to", str(place), "--json").json[0]["backup"]
    tenant.user("later@example.com")
    run("backup", name, "--to", str(place))
    rows = run("restore", name, "--from", str(place), "--list", "--json").json
    assert [each["state"] for each in rows] == ["whole", "whole"]
    assert rows[0]["backup"] == first
    listed = run("restore", name, "--from", str(place), "--list").out
    assert first in listed
    run("restore", name, "--from", str(place), "--at", first, "--as", f"{name}-1")
    run("restore", name, "--from", str(place), "--as", f"{name}-2")
    counted = [
        run("directory", "show", f"{name}-{each}", "--json").json["resources"]["User"]["total"]
        for each in (1, 2)
    ]
    assert counted == [0, 1]
    assert (
        "see --list"
        in run("restore", name, "--from", str(place), "--at", "x", "--as", "y", status=1).err
    )


def test_nobody_writes_into_what_is_restored(run: Run, tenant: Tenant) -> None:
    """A line of a command's in its log would be one row more than the backup has."""
    ann, name = tenant.user("ann@example.com"), tenant.name
    mark = Restoring(backup="b", run="r", at="2026-01-01T00:00:00Z")
    tenant.marked(restoring=mark, enabled=False)
    for arguments in (
        ("token", "issue", name),
        ("client", "add", name),
        ("user", "restore", name, ann),
        ("user", "erase", name, ann, "--yes"),
        ("provision", name, "--user", '{"userPrincipalName": "bob@example.com"}'),
    ):
        assert "is brought back into" in run(*arguments, status=1).err
    assert len(run("token", "list", name, "--json").json) == 1


def test_a_backup_while_writes_are_refused_is_one(run: Run, tenant: Tenant, place: Path) -> None:
    mark = Moving(phase="frozen", target="second", run="r", at="2026-01-01T00:00:00Z")
    tenant.marked(moving=mark)
    done = run("backup", tenant.name, "--to", str(place), "--json")
    assert done.json[0]["settled"]
    assert "no line in its log" in done.err


def test_whoever_restores_is_told_of_tokens_that_were_revoked_since(
    run: Run, tenant: Tenant, place: Path, name: str
) -> None:
    """Nothing else remembers that they were."""
    [token] = run("token", "list", name, "--json").json
    run("backup", name, "--to", str(place))
    run("token", "revoke", token["id"], "--yes")
    run("directory", "disable", name)
    run("directory", "remove", name, "--yes", "--wait", "0")
    done = run("restore", name, "--from", str(place))
    assert tenant.send("GET", "/Users").status == 200
    assert "revoked since then opens it again" in done.err
    assert f"token list {name}" in done.err


def test_a_backup_in_the_folder_of_another_name_is_not_taken_for_that_one(
    run: Run, tenant: Tenant, place: Path, name: str
) -> None:
    run("backup", name, "--to", str(place))
    (place / name).rename(place / f"{name}-2")
    refused = run("restore", f"{name}-2", "--from", str(place), status=1)
    assert f"is one of {name}" in refused.err
    done = run("restore", f"{name}-2", "--from", str(place), "--as", f"{name}-2", "--json")
    assert done.json["name"] == f"{name}-2"


def test_one_without_a_backup_keeps_no_other_from_coming_back(
    run: Run, tenant: Tenant, place: Path, name: str
) -> None:
    run("backup", name, "--to", str(place))
    (place / "a-stray-folder").mkdir()
    run("directory", "disable", name)
    run("directory", "remove", name, "--yes", "--wait", "0")
    done = run("restore", "--all", "--from", str(place), "--json", status=1)
    assert [each["name"] for each in done.json] == [name]
    assert "no whole backup of a-stray-folder" in done.err
