"""What `serve` keeps between starts, in `.local/` of the working directory (git-ignored)."""

import os
import secrets
from pathlib import Path

from scim.cli.problem import Problem
from scim.settings import SHORTEST_PEPPER


def folder() -> Path:
    """Make and return the folder; only its owner may look inside."""
    found = Path.cwd() / ".local"
    found.mkdir(mode=0o700, exist_ok=True)
    return found


def pepper() -> str:
    """Read the pepper of this machine, making it once, also when two servers start together."""
    path = folder() / "pepper"
    if not path.exists():
        fresh = path.with_name(f"pepper.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(fresh, path)  # fails where one exists: the first one stays
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    found = path.read_text("ascii", "replace").strip()
    if len(found) < SHORTEST_PEPPER:
        raise Problem(f"{path} is damaged: put it back, or remove it, which voids all tokens")
    return found
