"""What stops a command, said to the person who typed it."""


class Problem(Exception):
    """One sentence: what is wrong on this machine, and what to do."""
