"""Test cases from a requirement (R1): ideas from code, words from the model, drafts a person decides on.

`request_generation` writes the request, `run_generation` is the job, the rest is for the page.
"""

from testkase.services.features.generation.estimate import Estimate, estimate
from testkase.services.features.generation.model import (
    DEFAULT_CASES,
    MAX_CASES,
    MAX_REQUIREMENT,
    Draft,
    GenerationRow,
    GenerationView,
    Options,
    Progress,
)
from testkase.services.features.generation.operations import (
    DraftDecided,
    TooManyUnderWay,
    accept_draft,
    generation,
    generations,
    reject_draft,
    request_generation,
)
from testkase.services.features.generation.run import run_generation

__all__ = [
    "DEFAULT_CASES",
    "MAX_CASES",
    "MAX_REQUIREMENT",
    "Draft",
    "DraftDecided",
    "Estimate",
    "GenerationRow",
    "GenerationView",
    "Options",
    "Progress",
    "TooManyUnderWay",
    "accept_draft",
    "estimate",
    "generation",
    "generations",
    "reject_draft",
    "request_generation",
    "run_generation",
]
