"""The files of this checkout, as git would take them: committed or not, what is ignored left out.

Git is asked with an empty repository elsewhere, so it makes no difference what the checkout's own
is: shallow, another user's, or not there.
"""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git as somebody, whatever this machine's own settings are."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for each in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{each}_NAME": "t", f"GIT_{each}_EMAIL": "t@example.com"}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**settings, **who},
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    ).stdout


def files() -> list[Path]:
    """List them, below ROOT."""
    with TemporaryDirectory() as folder:
        git(Path(folder), "init", "--quiet")
        where = (f"--git-dir={folder}/.git", f"--work-tree={ROOT}")
        listed = git(ROOT, *where, "ls-files", "-z", "--others", "--exclude-standard")
    return [ROOT / each for each in listed.split("\0") if each and (ROOT / each).is_file()]
