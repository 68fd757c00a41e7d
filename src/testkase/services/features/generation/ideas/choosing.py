"""Which ideas are taken: the most telling of each sort by turns, of the kinds asked for."""

from collections.abc import Iterable, Iterator

from testkase.services.features.generation.ideas.misuse import accessibility, last_resort, negatives, security
from testkase.services.features.generation.ideas.model import Idea, interleaved
from testkase.services.features.generation.ideas.rules import boundaries, main, permissions
from testkase.services.features.generation.model import ORDINARY_KINDS
from testkase.services.features.generation.requirement import Reading, read_requirement
from testkase.services.workspace.model import CaseKind


def ideas_for(requirement: str, count: int, kinds: tuple[CaseKind, ...] = ()) -> tuple[Idea, ...]:
    """At most `count` ideas, the most telling first, of the kinds asked for (empty: the ordinary); at least one."""
    reading = read_requirement(requirement)
    subject = _subject(reading)
    ideas = interleaved([
        [*main(reading, subject)],
        [*boundaries(reading, subject)],
        [*permissions(reading)],
        [*negatives(reading, subject)],
        [*security(reading, subject)],
        [*accessibility(subject)],
    ])  # fmt: skip
    wanted = [idea for idea in ideas if idea.kind in (kinds or ORDINARY_KINDS)]
    chosen = wanted or [idea for idea in last_resort(subject) if idea.kind in kinds]
    return tuple(_distinct(chosen or list(ideas)))[:count]


def _subject(reading: Reading) -> str:
    """The requirement in a few words: what its first sentence lets somebody do, or the sentence, cut at a word."""
    first = reading.sentences[0].rstrip(".!?:;") if reading.sentences else "the requirement"
    doing = next((rule.what for rule in reading.rules if rule.allowed and rule.what in first), first)
    if len(doing) > 60:
        doing = doing[:60].rsplit(" ", 1)[0].rstrip(" ,;:-")
    return doing


def _distinct(ideas: Iterable[Idea]) -> Iterator[Idea]:
    seen: set[str] = set()
    for idea in ideas:
        if idea.title.lower() not in seen:
            seen.add(idea.title.lower())
            yield idea
