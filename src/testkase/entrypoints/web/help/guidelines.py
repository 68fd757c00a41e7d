"""A text an organization can share with its people (R66): what to do, and what not to put into a prompt."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Guideline:
    """A rule, and why it is worth following."""

    rule: str
    why: str


GUIDELINES = (
    Guideline(
        rule="Describe before you generate.",
        why="Say who acts, what they do, what they should see, which limits hold and what is refused. A clear"
        " requirement needs one run; a vague one needs three, and each of them is charged.",
    ),
    Guideline(
        rule="Ask for what you will read.",
        why="Five test cases you review are worth more than twenty you skim. Credits are charged for what the"
        " model writes.",
    ),
    Guideline(
        rule="Look at the estimate first.",
        why="It stands beside the form while you type. If it surprises you, shorten the requirement or ask for"
        " fewer cases.",
    ),
    Guideline(
        rule="Review every draft.",
        why="A draft becomes a test case only when you accept it. Check the limits, the messages and the order of the"
        " steps: the model may be wrong, and your name stands beside the case.",
    ),
    Guideline(
        rule="Keep people out of prompts.",
        why="Write “a customer with an overdue invoice”, never a real name, address, account number or password. A"
        " made-up example tests just as well.",
    ),
    Guideline(
        rule="Edit instead of running again.",
        why="Changing one step by hand costs nothing. Run again only when the requirement has changed.",
    ),
    Guideline(
        rule="Collect, then report.",
        why="Reports at the end of a sprint or test cycle cover everything at once, and cost less than one a day.",
    ),
    Guideline(
        rule="Switch AI off when nobody uses it.",
        why="During a freeze or a holiday the Owner switches it off with one click: nothing can be spent, programs with"
        " an API key included, and nothing is lost.",
    ),
)


def as_text(organization_text: str = "") -> str:
    """The guidelines as plain text, to be copied into a mail or a wiki; the organization's own part first."""
    rules = "\n".join(f"{number}. {one.rule} {one.why}" for number, one in enumerate(GUIDELINES, start=1))
    own = organization_text.strip()
    return f"{own}\n\n{rules}" if own else rules
