"""How much memory a process has, in MB, as Linux tells; 0 where nobody does."""

from pathlib import Path

MOST = 300  # of a worker: what every test and benchmark must stay below
IDLE = 70  # of it, once it has answered a few requests
_PROCESSES = Path("/proc")


def now() -> float:
    """Read how much this process has."""
    return _read("VmRSS", "self")


def peak(process: int | str = "self") -> float:
    """Read the most that a process had since the last reset; 0 when it has ended."""
    return _read("VmHWM", process)


def reset_peak() -> bool:
    """Count from now on; tell whether that can be done, as it can't in every container."""
    try:
        (_PROCESSES / "self" / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _read(name: str, process: int | str) -> float:
    try:
        lines = (_PROCESSES / str(process) / "status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return sum(int(each.split()[1]) for each in lines if each.startswith(name)) / 1024
