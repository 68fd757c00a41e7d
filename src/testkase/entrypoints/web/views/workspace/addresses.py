"""Addresses of a project's pages."""

from django.urls import path

from testkase.entrypoints.web.views.workspace import cases, cycles, executing, exports, folders, home, imports

_PROJECT = "projects/<slug:project_key>"
_CASE = f"{_PROJECT}/cases/<slug:case_key>"
_CYCLE = f"{_PROJECT}/cycles/<int:cycle_id>"

WORKSPACE = [
    path(_PROJECT, home.cases, name="cases"),
    path(f"{_PROJECT}/changes", home.bulk, name="cases_bulk"),
    path(f"{_PROJECT}/cases/new", cases.new, name="case_new"),
    path(f"{_PROJECT}/cases.csv", exports.as_csv, name="cases_csv"),
    path(f"{_PROJECT}/cases.feature", exports.as_feature, name="cases_feature"),
    path(f"{_PROJECT}/imports", imports.index, name="imports"),
    path(f"{_PROJECT}/imports/<int:import_id>", imports.show, name="import"),
    path(_CASE, cases.show, name="case"),
    path(f"{_CASE}/edit", cases.edit, name="case_edit"),
    path(f"{_CASE}/history", cases.history, name="case_history"),
    path(f"{_PROJECT}/folders/new", folders.new, name="folder_new"),
    path(f"{_PROJECT}/folders/<int:folder_id>", folders.edit, name="folder"),
    path(f"{_PROJECT}/folders/<int:folder_id>/removal", folders.remove, name="folder_removal"),
    path(f"{_PROJECT}/cycles", cycles.index, name="cycles"),
    path(f"{_PROJECT}/cycles/new", cycles.new, name="cycle_new"),
    path(_CYCLE, cycles.show, name="cycle"),
    path(f"{_CYCLE}/edit", cycles.edit, name="cycle_edit"),
    path(f"{_CYCLE}/state", cycles.state, name="cycle_state"),
    path(f"{_CYCLE}/additions", cycles.add, name="cycle_additions"),
    path(f"{_CYCLE}/removal", cycles.remove, name="cycle_removal"),
    path(f"{_CYCLE}/cases/<slug:case_key>", executing.show, name="execution"),
    path(f"{_CYCLE}/cases/<slug:case_key>/removal", executing.take_out, name="execution_removal"),
]
