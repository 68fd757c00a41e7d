"""Addresses of generation's pages."""

from django.urls import path

from testkase.entrypoints.web.views.generation import asking, deciding, steps, watching

_PROJECT = "projects/<slug:project_key>"
_GENERATION = f"{_PROJECT}/generations/<int:generation_id>"
_DRAFT = f"{_GENERATION}/drafts/<int:position>"
_STEPS = f"{_PROJECT}/cases/<slug:case_key>/steps"

GENERATION = [
    path(f"{_PROJECT}/generate", asking.new, name="generate"),
    path(f"{_PROJECT}/generate/estimate", asking.estimate, name="generate_estimate"),
    path(_GENERATION, watching.show, name="generation"),
    path(f"{_GENERATION}/cancellation", watching.cancel, name="generation_cancel"),
    path(f"{_GENERATION}/decisions", deciding.decide_all, name="drafts"),
    path(_DRAFT, deciding.decide, name="draft"),
    path(f"{_DRAFT}/edit", deciding.edit, name="draft_edit"),
    path(_STEPS, steps.page, name="case_steps"),
    path(f"{_STEPS}/<int:suggestion_id>/<int:position>", steps.decide, name="case_step"),
]
