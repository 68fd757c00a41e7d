"""What the small model's sentence must be before a person sees it, as a report's must.

It was told a single finding and no figure. So whatever it says of the project beyond that finding is made up: figures,
names, features, and claims about what passed, happened or is the cause. Words for those are not among the words of
advice, and a sentence with any other word is refused.
"""

import re
from importlib.resources import files
from typing import Annotated

import msgspec

from testkase.services.features.chat.advice.asking import EXAMPLES, SYSTEM
from testkase.services.features.chat.advice.findings import Finding
from testkase.services.features.judging import loops, repeats, runs, tidy

_WORDS = frozenset(
    files("testkase.services.features.chat.prompts").joinpath("words.txt").read_text(encoding="utf-8").split()
)
_SHORTEST, _LONGEST = 20, 160
_COPIED = 6
"""So many words in a row of our prompt are no coincidence."""
_TOLD = runs(
    " . ".join([SYSTEM, *(part for one in EXAMPLES for part in (one["finding"], one["answer"]["answer"]))]), _COPIED
)


class _Written(msgspec.Struct, frozen=True):
    answer: Annotated[str, msgspec.Meta(max_length=400)]


def judge(answer: str, finding: Finding) -> str | None:
    """The sentence; None when it may not be shown: cut off, lost, our own prompt, or about what nobody found."""
    try:
        sentence = tidy(msgspec.json.decode(answer, type=_Written).answer)
    except msgspec.MsgspecError:
        return None
    if not (_SHORTEST <= len(sentence) <= _LONGEST and sentence.startswith(finding.start)):
        return None
    if loops(sentence) or repeats(sentence, _TOLD, _COPIED) or not _grounded(sentence, finding):
        return None
    return sentence


def _grounded(sentence: str, finding: Finding) -> bool:
    """Whether it holds nothing but words of the finding and words of advice, and no sign beside them."""
    said = sentence.lower()
    if not re.fullmatch(r"[a-z ,'-]+\.", said):
        return False
    return set(re.findall(r"[a-z']+", said)) <= _WORDS | set(re.findall(r"[a-z']+", finding.said.lower()))
