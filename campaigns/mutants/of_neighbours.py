"""Mistakes in what engines of one machine say to each other, and in what is left when one of them goes away."""

from campaigns.mutants.mutant import Mutant, Patch

_SAID = "core/ledger/messages.py"
_ASKED = "core/ledger/neighbour.py"
_ENGINE = "core/ledger/engine.py"

OF_NEIGHBOURS = (
    Mutant(
        "repetition-not-passed-on",
        "a neighbour's answer does not say that it is one to a repetition",
        (Patch(_SAID, "cls(number, outcome.entry, outcome.replayed)", "cls(number, outcome.entry)"),),
        ("simulate-postgres",),
    ),
    Mutant(
        "facts-not-passed-on",
        "a neighbour's refusal comes without its facts",
        (Patch(_SAID, "outcome.field, outcome.facts)", "outcome.field, {})"),),
        ("simulate-postgres",),
    ),
    Mutant(
        "answers-in-order-of-asking",
        "a neighbour's answers are told in the order in which it was asked, whichever they are",
        (Patch(_ASKED, "self.asked.pop(told.number)", "self.asked.pop(next(iter(self.asked)))"),),
        ("simulate-postgres",),
    ),
    Mutant(
        "lost-with-the-neighbour",
        "what a neighbour that goes away has not answered is not executed here",
        (
            Patch(
                _ASKED,
                "self._give_back(given_back[number], number in untold)",
                "given_back[number][1].cancel()",
            ),
        ),
        ("rush",),
    ),
    Mutant(
        "a-repetition-of-the-neighbours",
        "what a neighbour had written before it went away is called a repetition",
        (Patch(_ENGINE, "return Answer(entry=outcome.entry, replayed=False)", "return outcome"),),
        ("rush",),
    ),
)
