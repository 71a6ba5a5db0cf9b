"""The part of a mistake's hint that a report shows: its first sentence up to a colon. It is unique, and has a verb."""

from __future__ import annotations

import re

__all__ = ["first_clause", "has_verb"]

CLAUSE_END = re.compile(r":(?=\s)|(?<!\.)\.(?=\s+[A-Z`])")
FORMULA = re.compile(r"`[^`]*`|\([^()]*\)|\[[^\[\]]*\]")
WORD = re.compile(r"[a-z][a-z']*")
ENDING = re.compile(r"\b(?:is|are)\.?$")
VERBS = frozenset(
    """
    accept accepts add adds agree agrees allow allows am applies apply are arrives ask asks assign assigns assume
    assumes attend attends averages be become becomes been began begin begins belong belongs bends blend blends blur
    blurs bring brings build builds built call called calls came can cancel cancels cannot carries carry change
    changes choose chooses clips coincide combine combines come comes compare compares compensate compensates compress
    compresses compute computes concern concerns confuse confuses connect connects consist consists construct
    constructs contain contains convert converts costs could count counts cover covers create creates cuts decide
    decides decrease decreases define defines depend depends describe describes destroy destroys determine determines
    did differ differentiate differentiates differs discard discards distribute distributes divide divides do does
    doubles draws drew drop drops encode encodes ends enter enters equals erase erases evaluate evaluates exceed
    exceeds exchange exchanges exist exists expect expects explain explains extend extends fail fails fall falls fell
    fill fills find finds fits flows follow follows forget forgets gains gave generate generates get gets give gives
    go goes got grew grow grows had halves happen happens has have hide hides hold holds hurt hurts ignore ignores
    include includes increase increases interpolate interpolates invert inverts is join joins keep keeps kept knew
    know knows lack lacks lasts lead leads leave leaves let lets lie lies lose loses made make makes match matches
    matter matters maximize maximizes may measure measures merge merges might minimize minimizes miss misses mixes
    move moves multiplies multiply must need needs normalize normalizes occur occurs omit omits opens outweigh
    outweighs overflow overflows passes pay pays penalize penalizes permute permutes pick picks precede precedes
    predict predicts preserve preserves prevent prevents produce produces propagate propagates push pushes puts raise
    raises reach reaches read reads receive receives reduce reduces refer refers reject rejects remain remains remove
    removes repeat repeats replace replaces require requires rescale rescales restrict restricts return returns reuse
    reuses rise rises rotate rotates run runs said satisfies satisfy saturate saturates say says seem seems sees
    select selects sends shall share shares shift shifts should show shows shrink shrinks skews skips solve solves
    sorts speak split splits start starts stay stays stepped stop stops store stores stretch stretches
    subtract subtracts swaps take takes tell tells tend tends took train trains transpose transposes travels treat
    treats tries try turn turns underflow underflows undo undoes use used uses vanish vanishes varies vary want wants
    was weigh weighs went were will works would write writes wrote yield yields
    """.split()
)
# nouns as well, and imperatives at the beginning of a part of the clause
IMPERATIVES = frozenset(
    """
    average bound center clip copy cut double draw exponentiate fit halve hand index mask norm order pad pass put
    reverse round sample scale set skip smooth sort square step sum swap turn weigh work
    """.split()
)
# nouns as well, and verbs after a pronoun
AFTER_PRONOUN = frozenset(
    """
    bounds copies cost cut end labels lasts looks mean means measures name orders pass roots rounds samples scale scales
    sets signs squares step steps sum sums work
    """.split()
)
PRONOUN = re.compile(r"\b(?:this|that|it|which|who|you|they|we|here|each|both|only)\s+([a-z]+)")
PHRASE = re.compile(r"\b(?:sums? to|scales? with|sums over|means that)\b")


def first_clause(text: str) -> str:
    """Return a text up to its first colon or period that ends a clause and is outside of brackets.

    A semicolon does not end it: what follows one belongs to the mistake ("The noise is added; here it replaces x").
    """
    for match in CLAUSE_END.finditer(text):
        before = text[: match.start()]
        if all(before.count(opening) == before.count(closing) for opening, closing in ("()", "[]", "{}")):
            return f"{before}."
    return text


def has_verb(clause: str) -> bool:
    """Return whether a clause has a finite verb, by lists of words that were taken from the hints of all exercises.

    Formulas (in backticks or brackets) are left out, and "is" or "are" at the end, which says nothing ("The order
    is."). A word of VERBS counts anywhere. A word that is a noun as well counts only where it must be a verb: as an
    imperative at the beginning or behind a comma or semicolon ("Sum the rows"), after a pronoun ("this sums the
    rows") or in a phrase ("sum to"). A verb that is missing here is added to VERBS.
    """
    text = ENDING.sub("", FORMULA.sub(" x ", clause.lower()))
    words, parts = WORD.findall(text), [WORD.findall(part) for part in re.split("[,;] ", text)]
    return (
        not VERBS.isdisjoint(words)
        or not AFTER_PRONOUN.isdisjoint(PRONOUN.findall(text))
        or any(part and part[0] in IMPERATIVES for part in parts)
        or PHRASE.search(text) is not None
    )
