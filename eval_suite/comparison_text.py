"""A comparison of systems in words: a sentence for each pair, and how far the order depends on the target."""

from __future__ import annotations

from .comparison import EXPERTS, SystemsCompared
from .significance import Comparison, PairTest, detectable_difference
from .srcc_plcc.correlation import MINIMUM_ITEMS
from .suite import MEAN

POWER = 0.8


def p_text(p: float) -> str:
    """A p value with two digits.

    Examples
    --------
    >>> p_text(0.0213), p_text(0.00004), p_text(float("nan"))
    ('0.021', '< 0.001', '-')
    """
    if p != p:
        return "-"
    if p < 0.001:
        return "< 0.001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}"


def difference_text(pair: PairTest) -> str:
    """A difference and its interval, as table cells show them; a dash in place of an interval that there is not."""
    if pair.error != pair.error:
        return f"{pair.difference:+.3f} [-]"
    return f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]"


def pair_sentence(pair: PairTest, found: Comparison, names: tuple[str, ...]) -> str:
    """What one pair's test says.

    Parameters
    ----------
    pair : PairTest
    found : Comparison
        That it belongs to.
    names : tuple of str
        Of the systems.

    Returns
    -------
    str
        "Not separated" is never "equal": the sentence says what difference would have been seen.

    Examples
    --------
    >>> pair = PairTest(0, 1, -0.05, 0.02, -2.5, 0.0124, 0.0124, -0.0892, -0.0108)
    >>> found = Comparison((pair,), ((2, 2), (1, 1)), (False, True))
    >>> pair_sentence(pair, found, ("ridge", "tiny"))
    'tiny better than ridge by 0.050 [0.011, 0.089], p 0.012'
    """
    first, second = names[pair.first], names[pair.second]
    if pair.error != pair.error:
        return (
            f"{first} and {second}: a difference of {pair.difference:+.3f} that is not tested, because no standard error can be "
            "made of it by leaving out single paintings"
        )
    if pair.error == 0:
        return f"{first} and {second}: no difference at all, whichever painting is left out"
    ahead, behind, low, high = first, second, pair.low, pair.high
    if pair.difference < 0:
        ahead, behind, low, high = second, first, -pair.high, -pair.low
    size, ends = abs(pair.difference), f"[{low:.3f}, {high:.3f}]"
    word = "p" if len(found.pairs) == 1 else "adjusted p"
    p = p_text(pair.p_adjusted)
    if pair.p_adjusted <= 1 - found.level:
        sentence = f"{ahead} better than {behind} by {size:.3f} {ends}, {word} {p}"
        if low <= 0:
            sentence += " (the p is adjusted in steps; the interval holds for all pairs at once, and is wider)"
        return sentence
    seen = detectable_difference(pair.error, power=POWER, level=found.level, freedom=pair.freedom)
    return (
        f"{ahead} and {behind} not separated: {size:.3f} {ends}, {word} {p}; for this pair alone a true difference of "
        f"{seen:.3f} ({seen / pair.error:.1f} standard errors) would be seen with {100 * POWER:.0f} % power"
    )


def comparison_tables(compared: SystemsCompared) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, header and rows of what is shown: the systems, and their differences.

    Parameters
    ----------
    compared : SystemsCompared

    Returns
    -------
    list of (str, list of str, list of list of str)
    """
    rows = row_names(compared)
    references = compared.references
    simulated = " (a simulated release)" if references.simulated else ""
    best = max(range(len(compared.names)), key=lambda place: compared.srcc[MEAN][place])
    systems = []
    for place, name in enumerate(compared.names):
        low, high = compared.headline.rank_ranges[place]
        ranks = str(low) if low == high else f"{low} to {high}"
        unsure = compared.headline.not_separated_from_first[place] and place != best
        mark = "not separated from the first" if unsure else ""
        systems.append([name, *(f"{compared.srcc[row][place]:.3f}" for row in rows), ranks, mark])
    pairs = []
    for tests in zip(*(compared.comparisons[row].pairs for row in rows), strict=True):
        first, second = (compared.names[place] for place in (tests[0].first, tests[0].second))
        pairs.append([f"{first} - {second}", *(difference_text(test).replace(" ", "\n", 1) for test in tests)])
        pairs.append(["  standard error", *(_number(test.error) for test in tests)])
        pairs.append(["  p", *(p_text(test.p) for test in tests)])
        if len(compared.headline.pairs) > 1:
            pairs.append(["  adjusted p", *(p_text(test.p_adjusted) for test in tests)])
    header = ["", *rows, "rank", ""]
    if not any(row[-1] for row in systems):  # all are separated
        header, systems = header[:-1], [row[:-1] for row in systems]
    level = f"{100 * compared.headline.level:g} %"
    return [
        (f"SRCC against {references.name}{simulated}", header, systems),
        (f"differences, with intervals of {level}", ["", *rows], pairs),
    ]


def comparison_sentences(compared: SystemsCompared) -> list[str]:
    """What was compared and how, a sentence for each pair, and on what the order depends.

    Parameters
    ----------
    compared : SystemsCompared

    Returns
    -------
    list of str
    """
    together = ""
    if len(compared.headline.pairs) > 1:
        together = "; intervals, adjusted p and rank ranges hold for all pairs together"
    order = about_order(compared)
    return [
        *(f"note: {note}" for note in (*compared.notes, *few_paintings(compared))),
        f"{about_figure(compared)}; {about_target(compared)}{together}",
        *([order] if order else []),
        *(pair_sentence(pair, compared.headline, compared.names) for pair in compared.headline.pairs),
    ]


def about_figure(compared: SystemsCompared) -> str:
    """What the compared figure is.

    Parameters
    ----------
    compared : SystemsCompared

    Returns
    -------
    str
    """
    dimensions = compared.references.dimensions
    if compared.is_headline and len(dimensions) > 1:
        return "SRCC, mean over dimensions, then categories"
    if len(dimensions) == 1:
        return f"SRCC of {dimensions[0]}, mean over categories"
    return f"SRCC, mean over {', '.join(dimensions)}, then categories (not the headline)"


def about_target(compared: SystemsCompared) -> str:
    """Whom a difference speaks of: this panel, or experts in general.

    Parameters
    ----------
    compared : SystemsCompared

    Returns
    -------
    str
    """
    if compared.target == EXPERTS:
        return (
            "errors: other paintings of these categories, and other panels of as many experts (the fused scores of resampled "
            "panels)"
        )
    return f"errors: other paintings of these categories; the {compared.references.called} are taken as they are"


def about_order(compared: SystemsCompared) -> str | None:
    """One line on whether the order of the systems depends on which scores they are measured against.

    Parameters
    ----------
    compared : SystemsCompared

    Returns
    -------
    str or None
        None where there is one kind of scores only.
    """
    orders = compared.orders
    if not orders:
        return None
    if len(set(orders.values())) == 1:
        order = " > ".join(orders["fused"])
        return f"the order does not depend on the target: {order} against the fused scores, construction A and construction B"
    shown = "; ".join(f"{target}: {' > '.join(order)}" for target, order in orders.items())
    return f"the order depends on the target: {shown}"


def few_paintings(compared: SystemsCompared) -> list[str]:
    """A sentence for each category in which leaving out one painting leaves too few."""
    return [
        f"{category}: {count} paintings are too few to leave one out, so nothing is tested there, nor in the mean"
        for category, count in compared.paintings.items()
        if count <= MINIMUM_ITEMS
    ]


def row_names(compared: SystemsCompared) -> list[str]:
    """The categories and then the mean, as tables show them."""
    return [*(row for row in compared.comparisons if row != MEAN), MEAN]


def _number(value: float) -> str:
    return f"{value:.3f}" if value == value else "-"
