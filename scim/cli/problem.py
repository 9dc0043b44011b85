"""What stops a command, said to the person who typed it."""


class Problem(Exception):
    """One sentence: what is wrong, and what to do."""


class InUse(Problem):
    """Another process has it."""


class NobodyFound(Problem):
    """No resource has this id or name."""
