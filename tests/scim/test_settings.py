"""Settings from the environment (scim/settings.py)."""

import pytest

from scim.settings import AZURITE_KEY, Settings, SettingsError, azurite_connection

PEPPER = "not-a-secret-" * 3
KEY = "5f1c90b7e4a8d2630971ecfb48a5d036"
GOOD = {"SCIM_STORAGE": "memory", "SCIM_PEPPER": PEPPER}


def test_settings_are_read_and_others_ignored() -> None:
    settings = Settings.read({**GOOD, "PATH": "/bin", "SCIM_PUBLIC_URL": "https://scim.example/"})
    assert settings.storage.get_secret_value() == "memory"
    assert settings.pepper.get_secret_value() == PEPPER.encode()
    assert settings.public_url == "https://scim.example"


@pytest.mark.parametrize(
    "storage",
    [
        "https://account.table.core.windows.net",
        "https://account.table.cosmos.azure.com:443/",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net",
        "TableEndpoint=https://a.table.core.windows.net;SharedAccessSignature=sv=x",
        "http://127.0.0.1:10002/devstoreaccount1",
    ],
)
def test_storage_is_an_account_or_a_connection(storage: str) -> None:
    assert Settings.read({**GOOD, "SCIM_STORAGE": storage}).storage.get_secret_value() == storage


def test_the_short_form_of_azurite_is_understood() -> None:
    settings = Settings.read({**GOOD, "SCIM_STORAGE": "UseDevelopmentStorage=true"})
    assert settings.storage.get_secret_value() == azurite_connection(10002)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SCIM_PEPPER", "", "is not set"),
        ("SCIM_PEPPER", "   ", "is not set"),
        ("SCIM_PEPPER", "short-secret", "at least 32 bytes"),
        ("SCIM_PEPPER", "short-secret" + " " * 32, "at least 32 bytes"),
        ("SCIM_PEPPER", "@Microsoft.KeyVault(SecretUri=https://vault/secrets/p)", "not resolved"),
        ("SCIM_PEPPER", " @microsoft.keyvault(VaultName=v;SecretName=scim-pepper)", "not resolved"),
        ("SCIM_STORAGE", "", "is not set"),
        ("SCIM_STORAGE", "@Microsoft.KeyVault(SecretUri=https://vault/secrets/s)", "not resolved"),
        ("SCIM_STORAGE", "azurit", "table URL"),
        ("SCIM_STORAGE", "http://account.table.core.windows.net", "table URL"),
        ("SCIM_PEPPER_PREVIOUS", "short-secret", "at least 32 bytes"),
        ("SCIM_PEPPER_PREVIOUS", "@Microsoft.KeyVault(SecretUri=https://v/s/p)", "not resolved"),
        ("SCIM_SIGNING_KEYS", "short-secret", "at least 32 bytes"),
        ("SCIM_SIGNING_KEYS", f"{KEY},short-secret", "at least 32 bytes"),
        ("SCIM_SIGNING_KEYS", f"{KEY},{KEY}", "twice"),
        ("SCIM_SIGNING_KEYS", f"{KEY},{'k' * 32}", "can be guessed"),
        ("SCIM_SIGNING_KEYS", "0123456789abcdef" * 4, "can be guessed"),
        ("SCIM_SIGNING_KEYS", "my-secret-signing-key-for-production", "can be guessed"),
        ("SCIM_SIGNING_KEYS", f"-----BEGIN PRIVATE KEY-----\n{KEY}", "no PEM or JWK"),
        ("SCIM_SIGNING_KEYS", f'{{"kty":"oct","k":"{KEY}"}}', "no PEM or JWK"),
        ("SCIM_SIGNING_KEYS", "@Microsoft.KeyVault(SecretUri=https://v/s/k)", "not resolved"),
        ("SCIM_SIGNING_KEYS", f"{KEY},@Microsoft.KeyVault(SecretUri=https://v)", "not resolved"),
        ("SCIM_SIGNING_KEYS", " , ", "holds no key"),
        ("SCIM_PEPPER", '"@Microsoft.KeyVault(SecretUri=https://v/secrets/p)"', "not resolved"),
        ("SCIM_ENTRA_AUTHORITY", "http://login.example.com", "https URL"),
        ("SCIM_ENTRA_AUTHORITY", "login.example.com", "https URL"),
        ("SCIM_BACKUP_TO", "https://account.table.core.windows.net/c", "a container's URL"),
        ("SCIM_BACKUP_TO", "https://a.blob.core.windows.net/c?sig=secret-word", "without a query"),
        ("SCIM_BACKUP_TO", "@Microsoft.KeyVault(SecretUri=https://v/secrets/s)", "not resolved"),
        ("SCIM_BACKUP_DAYS", "-1", "greater than or equal to 0"),
        ("SCIM_BACKUP_DAYS", "secret-word", "valid integer"),
        ("SCIM_STORAGE_ACCOUNTS", "secret-word", "a JSON object"),
        ("SCIM_STORAGE_ACCOUNTS", '["secret-word"]', "a JSON object"),
        ("SCIM_STORAGE_ACCOUNTS", '{"a": 1}', "a JSON object"),
        ("SCIM_STORAGE_ACCOUNTS", '{"main": "https://a.table.core.windows.net"}', "not main"),
        ("SCIM_STORAGE_ACCOUNTS", '{"A b": "https://a.table.core.windows.net"}', "a-z"),
        ("SCIM_STORAGE_ACCOUNTS", '{"a": "memory"}', "a JSON object"),
        ("SCIM_STORAGE_ACCOUNTS", '{"a": "secret-word"}', "table URL"),
        ("SCIM_PUBLIC_URL", "http://scim.example.com", "https URL"),
        ("SCIM_PUBLIC_URL", "idp.example.org", "https URL"),
        ("SCIM_PUBLIC_URL", "https://user:word@scim.example.com", "https URL"),
        ("SCIM_PUBLIC_URL", "https://scim.example.com/?a=b", "https URL"),
        ("SCIM_PUBLIC_URL", "https://[nonsense", "https URL"),
    ],
)
def test_an_unusable_setting_stops_the_start_without_being_shown(
    name: str, value: str, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({**GOOD, name: value})
    assert str(caught.value).startswith(name)
    assert says in str(caught.value)
    assert not value.strip() or value not in str(caught.value)
    assert caught.value.__cause__ is None


def test_peppers_and_signing_keys_are_in_their_order() -> None:
    """The first of each makes, all verify."""
    plain = Settings.read(GOOD)
    assert (plain.peppers, plain.keys) == ((PEPPER.encode(),), ())
    assert plain.entra_authority == "https://login.microsoftonline.com"
    one, two = KEY, KEY[::-1]
    changing = {**GOOD, "SCIM_PEPPER_PREVIOUS": two * 2, "SCIM_SIGNING_KEYS": f" {two}, {one}\n"}
    settings = Settings.read(changing)
    assert settings.peppers == (PEPPER.encode(), (two * 2).encode())
    assert settings.keys == (two.encode(), one.encode())
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert one not in shown
        assert two not in shown


@pytest.mark.parametrize(
    "key",
    [
        "0f47ab1cd09e6b5c2b7d1fa8f1c3e6a4b1d0975e83c2a6f4d5b09e817c3f2a6d",
        "u7Vq0Tn3xYkGm1oLhZsEa9RfJwPdC2Xb5N8i4OQrKtY=",
        "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6D2",
    ],
    ids=["hexadecimal", "base64", "base32"],
)
def test_a_random_key_signs_whatever_its_alphabet(key: str) -> None:
    assert Settings.read({**GOOD, "SCIM_SIGNING_KEYS": key}).keys == (key.encode(),)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError, match=r"SCIM_STORAGE is not set; SCIM_PEPPER is not set"):
        Settings.read({})


def test_no_secret_shows() -> None:
    settings = Settings.read({**GOOD, "SCIM_STORAGE": azurite_connection()})
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert PEPPER not in shown
        assert AZURITE_KEY not in shown


def test_further_accounts_and_a_place_for_backups_are_read() -> None:
    url = "https://a.table.core.windows.net"
    given = {"SCIM_STORAGE_ACCOUNTS": f'{{"second": "{url}"}}', "SCIM_BACKUP_TO": " backups "}
    settings = Settings.read({**GOOD, **given, "SCIM_BACKUP_DAYS": "30"})
    assert settings.accounts == {"second": url}
    assert (settings.backup_to, settings.backup_days) == ("backups", 30)
    assert url not in repr(settings)
    assert (Settings.read(GOOD).accounts, Settings.read(GOOD).backup_to) == ({}, None)
