"""What becomes of a request whose store fails, or whose process dies, at any of its calls.

    breaking.py     a process's way to the model of the store, which breaks at a call
    operations.py   each operation of a client or an operator, as data
    world.py        a directory with somebody in it: arranged once, and as it was for each point
    points.py       points tried, and what was found at them
    test_kills.py   the process ends before and after every call
    test_matrix.py  every fault at every call

`python -m tests.faults` prints the tables that are in docs/durability.md.
"""
