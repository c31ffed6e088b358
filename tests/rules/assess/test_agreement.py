"""Two readers compared: percent and Cohen's kappa."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tocsin.assess.rules import agreement

_PAIRS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=60
)


def test_the_textbook_case() -> None:
    """Twenty both yes, fifteen both no, five and ten apart: 70 percent, kappa 0.4."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = agreement(pairs)
    assert (found.pairs, found.agreed, found.percent, found.kappa_permille) == (50, 35, 70, 400)


def test_where_there_is_nothing_to_say_nothing_is_said() -> None:
    assert agreement([]).percent is None
    assert agreement([("a", "a")] * 5).kappa_permille is None


def test_perfect_and_opposite() -> None:
    assert agreement([("a", "a"), ("b", "b")]).kappa_permille == 1000
    assert agreement([("a", "b"), ("b", "a")]).kappa_permille == -1000


@given(_PAIRS)
def test_kappa_equals_its_definition_and_does_not_depend_on_who_is_first(
    pairs: list[tuple[str, str]],
) -> None:
    n = len(pairs)
    observed = Fraction(sum(a == b for a, b in pairs), n)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum((Fraction(first[c] * second[c], n * n) for c in "abc"), Fraction(0))
    found = agreement(pairs)
    if expected == 1:
        assert found.kappa_permille is None
    else:
        assert found.kappa_permille is not None
        exact = (observed - expected) / (1 - expected) * 1000
        assert abs(found.kappa_permille - exact) <= Fraction(1, 2)
    assert found.kappa_permille == agreement([(b, a) for a, b in pairs]).kappa_permille
