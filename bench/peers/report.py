"""The numbers as Markdown tables."""

from collections.abc import Mapping, Sequence

from bench.peers.cycle import Parallel, Timed
from bench.peers.shapes import Tried
from bench.telling import table


def markdown(
    tried: Mapping[str, Mapping[str, Tried]],
    timed: Sequence[Timed],
    parallel: Sequence[Parallel],
    left_out: Sequence[str],
) -> str:
    measured = {each.server for each in timed}
    shown = {name: each for name, each in tried.items() if name in measured}
    without = [f"Left out: {'; '.join(left_out)}."] if left_out else []
    tables = [forms(shown), times(timed, "cpu_ms"), times(timed, "ms"), members(parallel)]
    return "\n\n".join([*tables, *without])


def forms(tried: Mapping[str, Mapping[str, Tried]]) -> str:
    """Say which form of each request a server took."""
    servers = list(tried)
    rows = []
    for shape in next(iter(tried.values())):
        cells = [_form(tried[each][shape]) for each in servers]
        rows.append([shape, *cells])
    return table(["request, in Entra's form", *servers], rows)


def _form(found: Tried) -> str:
    taken = "taken" if found.form == "Entra's" else f"{found.refused}; {found.form}"
    return taken.replace("; none", "; the RFC's, too")


_HEADS = {"cpu_ms": "CPU ms of the server", "ms": "median ms"}


def times(timed: Sequence[Timed], figure: str) -> str:
    """Lay a figure out at each size; in parentheses, the largest size's by the first server's."""
    servers = list(dict.fromkeys(each.server for each in timed))
    rows = []
    for operation in dict.fromkeys(each.operation for each in timed):
        found = {
            (each.server, each.size): float(getattr(each, figure) or 0)
            for each in timed
            if each.operation == operation
        }
        rows.append([operation, *(_cell(found, each, servers[0]) for each in servers)])
    sizes = " · ".join(f"{each:,}" for each in dict.fromkeys(each.size for each in timed))
    return table([f"{_HEADS[figure]} at {sizes}", *servers], rows)


def _cell(found: Mapping[tuple[str, int], float], server: str, first: str) -> str:
    """Show one server's values, and the last one by the first server's."""
    own = {size: value for (name, size), value in found.items() if name == server}
    text = " · ".join(_ms(each) for each in own.values())
    largest = max(own)
    ratio = own[largest] / (found[first, largest] or 1)
    return text if server == first else f"{text} ({_ms(ratio)})"


def members(parallel: Sequence[Parallel]) -> str:
    head = ["64 members added at once", "group of", "acknowledged", "lost", "seconds"]
    return table(
        head,
        [
            [
                each.server,
                f"{each.size:,}",
                f"{each.acknowledged}",
                f"{each.lost}",
                f"{each.seconds:.1f}",
            ]
            for each in parallel
        ],
    )


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
