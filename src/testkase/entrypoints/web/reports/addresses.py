"""Addresses of a project's reports."""

from django.urls import path

from testkase.entrypoints.web.reports import making, reading, schedule

_REPORTS = "projects/<slug:project_key>/reports"
_REPORT = f"{_REPORTS}/<int:report_id>"

REPORTS = [
    path(_REPORTS, reading.index, name="reports"),
    path(f"{_REPORTS}/new", making.new, name="report_new"),
    path(f"{_REPORTS}/estimate", making.estimate, name="report_estimate"),
    path(f"{_REPORTS}/schedule", schedule.page, name="report_schedule"),
    path(f"{_REPORTS}/schedule/removal", schedule.remove, name="report_schedule_removal"),
    path(_REPORT, reading.show, name="report"),
    path(f"{_REPORT}.pdf", reading.as_pdf, name="report_pdf"),
    path(f"{_REPORT}/cancellation", reading.cancel, name="report_cancel"),
    path(f"{_REPORT}/removal", reading.remove, name="report_removal"),
]
