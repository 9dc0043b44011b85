"""The program behind the wrappers of `stub.py`: records a call and answers it.

A deployment is fifty calls, each a process of its own: so it imports no more than it needs.
"""

import json
import os
import re
import sys

FOLDER = "SCIM_TEST_FOLDER"


def main(program: str, arguments: list[str]) -> int:
    """Answer one call, in place of the program."""
    folder = os.environ[FOLDER]
    given, open_to_others = _given(program, arguments, folder)
    call = {"program": program, "arguments": arguments, "given": given}
    with open(f"{folder}/calls.jsonl", "a") as file:
        file.write(json.dumps({**call, "open_to_others": open_to_others}) + "\n")
    line = " ".join([program, *arguments])
    row = _row("\n".join([line, *given]) if program == "curl" else line, f"{folder}/table.json")
    if row["code"] == 0 and not row["out"] and "graph.microsoft.com" in line:
        return _graph(arguments, given, folder)
    if program == "curl" and row["code"] == 0:
        status, _, body = str(row["out"]).partition(" ")
        with open(arguments[arguments.index("--output") + 1], "w") as file:
            file.write(body)
        print(status, end="")
    else:
        print(row["out"])
    print(row["err"], end="", file=sys.stderr)
    return int(row["code"] or 0)


def _given(program: str, arguments: list[str], folder: str) -> tuple[list[str], bool]:
    """Read what a call is given by files and stdin, and whether others could read it, too."""
    if program == "curl":
        return [sys.stdin.read()], False
    found, open_to_others = [], False
    for each in arguments if program == "az" else ():
        path = each.removeprefix("@")
        if not each.startswith(("@", "/tmp", folder)) or "infra/parameters" in path:
            continue
        if path.endswith((".json", "/secret")) and os.path.isfile(path):
            with open(path) as file:
                found.append(file.read())
            open_to_others |= bool(os.stat(path).st_mode & 0o077)
    return found, open_to_others


def _row(asked: str, table: str) -> dict[str, str | int | None]:
    with open(table) as file:
        rows = json.load(file)
    for row in rows:
        if row["times"] == 0 or not re.search(row["pattern"], asked):
            continue
        if row["times"]:
            row["times"] -= 1
            with open(table, "w") as file:
                json.dump(rows, file)
        return dict(row)
    return {"out": "", "err": f"no answer for: {asked}\n", "code": 99}


def _graph(arguments: list[str], given: list[str], folder: str) -> int:
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../.."))  # run as a program
    from pathlib import Path

    from tests.infra.graph_stub import answer

    return answer(arguments, given, Path(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
