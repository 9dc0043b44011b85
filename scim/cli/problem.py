"""What stops a command, said to the person who typed it."""


class Problem(Exception):
    """One sentence: what is wrong, and what to do; `lines` are what it is about, one each."""

    def __init__(self, said: str, *lines: str) -> None:
        super().__init__(said)
        self.lines = lines


class InUse(Problem):
    """Another process has it."""


class NobodyFound(Problem):
    """No resource has this id or name."""
