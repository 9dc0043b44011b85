"""`python -m scim`: the command line, and what becomes of its process."""

import os
import sys


def _run() -> int:
    """Run a command and return its exit status, whatever happens before or after it."""
    try:
        from scim.cli.main import main  # noqa: PLC0415 - a Ctrl-C may come while it is imported

        status = main(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        if (error.name or "scim").partition(".")[0] in ("scim", "storage", "function_app"):
            raise
        return _stopped(
            f"the Python package {error.name} is missing: run `make setup` and start"
            " .venv/bin/python -m scim, or pip install -r requirements-cli.txt"
        )
    except OSError as error:
        # What could not be written must not be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        about = f": {error.filename}" if error.filename else ""
        return _stopped(f"can't go on: {error.strerror or error}{about}")
    return status


def _stopped(said: str) -> int:
    sys.stderr.write(f"scim: {said}\n")
    return 1


sys.exit(_run())
