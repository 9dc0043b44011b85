"""Settings from the environment (scim/settings.py)."""

import pytest

from scim.settings import AZURITE_KEY, Settings, SettingsError, azurite_connection

PEPPER = "not-a-secret-" * 3
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


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError, match=r"SCIM_STORAGE is not set; SCIM_PEPPER is not set"):
        Settings.read({})


def test_no_secret_shows() -> None:
    settings = Settings.read({**GOOD, "SCIM_STORAGE": azurite_connection()})
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert PEPPER not in shown
        assert AZURITE_KEY not in shown
