"""Figures of the benchmarks: well-formed, and every point where its numbers say."""

from xml.etree import ElementTree

from bench.plots import Points, lines


def drawn(**series: Points) -> ElementTree.Element:
    return ElementTree.fromstring(lines("A & B", "members", "ms", series))


def test_a_figure_is_well_formed_and_names_its_lines() -> None:
    texts = {*drawn(ours=[(10, 1), (1000, 1)], theirs=[(10, 2)]).itertext()}
    assert {"A & B", "members", "ms", "ours", "theirs", "10", "100", "1,000"} <= texts


def test_equal_values_are_drawn_level_and_powers_of_ten_evenly() -> None:
    found = drawn(ours=[(1, 5), (10, 5), (100, 5)]).iter("{http://www.w3.org/2000/svg}circle")
    dots = [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in found]
    assert len({y for _, y in dots}) == 1
    first, second, third = (x for x, _ in dots)
    assert second - first == third - second > 0
