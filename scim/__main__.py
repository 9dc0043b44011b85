"""`python -m scim`: the command line, and what becomes of its process."""

import os
import sys
from pathlib import Path

# Where a deployment package has its dependencies: the Functions worker looks there by itself.
_PACKAGED = Path(__file__).parents[1] / ".python_packages/lib/site-packages"


def _run() -> int:
    """Run a command and return its exit status, whatever happens before or after it."""
    for each in ("stdin", "stdout", "stderr"):
        if getattr(sys, each) is None:  # it was closed before the start, as by `<&-`
            mode = "r" if each == "stdin" else "w"
            setattr(sys, each, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    if _PACKAGED.is_dir():
        sys.path.insert(1, str(_PACKAGED))  # behind the folder itself: before what Python brings
    try:
        from scim.cli.main import main  # noqa: PLC0415 - a Ctrl-C may come while it is imported

        status = main(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        if (error.name or "scim").partition(".")[0] in ("scim", "storage", "function_app"):
            raise
        return _stopped(f"the Python package {error.name} is missing: {_mended()}")
    except OSError as error:
        # What could not be written must not be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        about = f": {error.filename}" if error.filename else ""
        return _stopped(f"can't go on: {error.strerror or error}{about}")
    return status


def _mended() -> str:
    """Say how to get a package that is missing, in a checkout or in a deployment package."""
    if _PACKAGED.is_dir():
        running = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return (
            f".python_packages has none for Python {running}; use the version that it was built"
            " for, or pip install -r requirements-cli.txt"
        )
    return (
        "run `make setup` and start .venv/bin/python -m scim, or pip install -r"
        " requirements-cli.txt"
    )


def _stopped(said: str) -> int:
    sys.stderr.write(f"scim: {said}\n")
    return 1


sys.exit(_run())
