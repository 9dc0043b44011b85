"""A subscription and an operator at a terminal, for the tests of infra/deploy.sh and destroy.sh."""

import base64
import json
import re
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.infra.stub import Row, Stub

ROOT = Path(__file__).parents[2]
TOKEN = "scim_000000000001_" + "A" * 49
URL = "https://scim-app.azurewebsites.net"
OUTPUTS = {
    "functionAppName": "scim-app",
    "baseUrl": URL,
    "tableUrl": "https://scimdata.table.core.windows.net/",
    "vaultName": "scim-kv",
    "vaultUrl": "https://scim-kv.vault.azure.net/",
    "pythonVersion": "3.12",
}
CLAIMS = base64.urlsafe_b64encode(b'{"oid": "o1", "idtyp": "user"}').rstrip(b"=").decode()
BEARER = f"header.{CLAIMS}.signature"
SCM = "scim-app.scm.azurewebsites.net"
PARAMETERS = {
    "alertEmails": ["operations@contoso.example"],
    "operatorCidrs": ["203.0.113.7/32"],
    "monthlyBudget": 20,
}
ID = "/subscriptions/s1/resourceGroups/g/providers"
NEW = [
    f"{ID}/Microsoft.KeyVault/vaults/scim-kv",
    f"{ID}/Microsoft.KeyVault/vaults/scim-kv/providers/Microsoft.Authorization/roleAssignments/r",
    f"{ID}/Microsoft.KeyVault/vaults/scim-kv/providers/Microsoft.Insights/diagnosticSettings/d",
    f"{ID}/Microsoft.Storage/storageAccounts/scimdata",
    f"{ID}/Microsoft.Storage/storageAccounts/scimdata/tableServices/default",
    f"{ID}/Microsoft.Web/sites/scim-app",
    f"{ID}/Microsoft.Web/sites/scim-app/config/appsettings",
]
NONE = Row("keyvault secret show", err="ERROR: (SecretNotFound) A secret was not found", code=3)
RUNNING = [
    Row(r"az account show --query \[id", "s1\nTest subscription"),
    Row("get-access-token --query accessToken", BEARER),
    Row("az account get-access-token"),
    Row("list-flexconsumption-locations", "northeurope\nwesteurope"),
    Row("az provider show", "Registered"),
    Row("az account show --query user.type", "user"),
    Row("az role assignment list", "Reader\nOwner"),
    Row("az group exists", "true"),
    Row("az deployment group show", err="ERROR: (DeploymentNotFound)", code=3),
    Row("az deployment group what-if .*--query", "\n".join(NEW)),
    Row("az deployment group what-if", "Resource changes: 12 to create."),
    Row("az keyvault list-deleted"),
    Row("checkNameAvailability", "true"),
    Row("az cosmosdb check-name-exists", "false"),
    Row("Microsoft.Consumption/budgets"),
    Row(
        "az deployment group create",
        json.dumps({name: {"type": "String", "value": value} for name, value in OUTPUTS.items()}),
    ),
    NONE,
    Row("az keyvault secret set"),
    Row("configreferences/appsettings/SCIM_", "Resolved"),
    Row("configreferences/appsettings/refresh"),
    Row("az rest --method patch", "true"),
    Row("az rest .*hostNameSslStates", SCM),
    Row("curl .*/api/publish", "202 1"),
    Row("curl .*/api/deployments/latest", '200 {"status": 4}'),
    Row("curl .*\nurl = .*/readyz", "200 {}"),
    Row("(?s)curl .*Authorization", '200 {"totalResults": 0}'),
    Row("curl .*\nurl = ", "401 {}"),
    Row("-m scim directory list", "[]"),
    Row(
        "-m scim directory add",
        json.dumps({"secretToken": TOKEN, "id": "d", "token": {"id": "t1"}}),
    ),
    Row("-m scim token issue", json.dumps({"secretToken": TOKEN, "id": "t2"})),
    Row("-m scim token revoke"),
]


class Azure:
    """A subscription, and an operator at a terminal."""

    def __init__(self, folder: Path) -> None:
        self.stub = Stub(folder)
        self.zip = folder / "scim.zip"
        with zipfile.ZipFile(self.zip, "w") as package:
            package.writestr("function_app.py", "")
            package.writestr(".python_packages/x.cpython-312-x86_64-linux-gnu.so", "")
        self.parameters = folder / "infra/parameters/trial.json"
        self.parameters.parent.mkdir(parents=True)
        self.wants()

    def wants(self, **changed: Any) -> None:
        """Write the parameter file; None takes something out of it."""
        given = {k: v for k, v in {**PARAMETERS, **changed}.items() if v is not None}
        values = {name: {"value": value} for name, value in given.items()}
        self.parameters.write_text(json.dumps({"parameters": values}))

    def run(self, *arguments: str, rows: Sequence[Row] = (), script: str = "deploy") -> Any:
        self.stub.forget()
        self.stub.answer([*rows, *RUNNING])
        return subprocess.run(
            [ROOT / f"infra/{script}.sh", *arguments],
            env=self.stub.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    def deploy(self, *arguments: str, rows: Sequence[Row] = ()) -> Any:
        required = ("--group", "g", "--location", "North Europe", "--zip", str(self.zip))
        return self.run(*required, "--environment", str(self.parameters), *arguments, rows=rows)

    def called(self, pattern: str) -> list[str]:
        return [each.line for each in self.stub.calls if re.search(pattern, each.line)]
