"""Addresses of the pages people use."""

from django.urls import path

from testkase.entrypoints.web.activity import views as activity
from testkase.entrypoints.web.ai_models import views as ai_models
from testkase.entrypoints.web.billing import buying, choices, plans, purchases, receipts
from testkase.entrypoints.web.chat.addresses import CHAT
from testkase.entrypoints.web.help import views as help_pages
from testkase.entrypoints.web.privacy import exports
from testkase.entrypoints.web.privacy import views as privacy
from testkase.entrypoints.web.reports.addresses import REPORTS
from testkase.entrypoints.web.views import (
    account,
    credits,
    guidelines,
    home,
    invitations,
    keys,
    live,
    organizations,
    people,
    project_people,
    projects,
    statements,
    switch,
    webhooks,
)
from testkase.entrypoints.web.views.generation.addresses import GENERATION
from testkase.entrypoints.web.views.limits import asking, pages
from testkase.entrypoints.web.views.notices import alerts, bell, mailbox
from testkase.entrypoints.web.views.workspace.addresses import WORKSPACE

handler400 = "testkase.entrypoints.web.errors.bad_request"
handler403 = "testkase.entrypoints.web.errors.forbidden"
handler404 = "testkase.entrypoints.web.errors.not_found"
handler500 = "testkase.entrypoints.web.errors.server_error"

urlpatterns = [
    path("", home.home, name="home"),
    path("balance", home.balance, name="balance"),
    path("live/ticket", live.ticket, name="live_ticket"),
    path("notifications", bell.index, name="notifications"),
    path("notifications/count", bell.count, name="notification_count"),
    path("notifications/panel", bell.panel, name="notification_panel"),
    path("notifications/read", bell.read_all, name="notifications_read"),
    path("notifications/low-credits", bell.low_credits, name="low_credits"),
    path("notifications/low-credits/dismissal", bell.dismiss, name="low_credits_dismissal"),
    path("notifications/<int:notification_id>", bell.opened, name="notification"),
    path("mailbox", mailbox.mailbox, name="mailbox"),
    path("organizations/new", organizations.new, name="organization_new"),
    path("organizations/current", organizations.choose, name="organization_choose"),
    path("projects", projects.index, name="projects"),
    path("projects/new", projects.new, name="project_new"),
    *WORKSPACE,
    *GENERATION,
    *REPORTS,
    *CHAT,
    path("projects/<slug:project_key>/members", project_people.index, name="project_people"),
    path("projects/<slug:project_key>/members/<int:user_id>", project_people.change, name="project_person"),
    path("projects/<slug:project_key>/members/<int:user_id>/removal", project_people.remove, name="project_removal"),
    path("settings/ai-credits", credits.page, name="ai_credits"),
    path("settings/ai-credits/summary", credits.summary, name="ai_credits_summary"),
    path("settings/ai-credits/breakdown", credits.breakdown, name="ai_credits_breakdown"),
    path("settings/ai-credits/usage", credits.usage_rows, name="ai_credits_usage"),
    path("settings/ai-credits/usage.csv", credits.export, name="ai_credits_export"),
    path("settings/ai-credits/receipts/<int:seq>", credits.receipt, name="receipt"),
    path("settings/ai-credits/alerts", alerts.alerts, name="alerts"),
    path("settings/ai-credits/statements", statements.index, name="statements"),
    path("settings/ai-credits/statements/<slug:period>", statements.page, name="statement"),
    path("settings/ai-credits/statements/<slug:period>.csv", statements.as_csv, name="statement_csv"),
    path("settings/ai-credits/statements/<slug:period>.pdf", statements.as_pdf, name="statement_pdf"),
    path("settings/ai-credits/budgets", pages.index, name="budgets"),
    path("settings/ai-credits/budgets/new", pages.new, name="budget_new"),
    path("settings/ai-credits/budgets/<str:budget_id>/requests", asking.ask, name="budget_requests"),
    path("settings/ai-credits/budgets/<str:budget_id>/removal", pages.remove, name="budget_removal"),
    path("settings/ai-credits/budgets/<str:budget_id>", pages.edit, name="budget"),
    path("settings/ai-credits/budget-requests/<str:request_id>/decision", asking.decide, name="budget_request"),
    path("settings/ai-credits/resumptions", asking.resume, name="resumption"),
    path("settings/ai-credits/guard", asking.guard, name="guard"),
    path("settings/ai-credits/switch", switch.switch, name="ai_switch"),
    path("settings/ai-credits/buy", buying.buy, name="buy"),
    path("settings/billing", plans.page, name="billing"),
    path("settings/billing/purchases", plans.older, name="purchases"),
    path("settings/billing/purchases/<slug:purchase_id>", purchases.show, name="purchase"),
    path("settings/billing/purchases/<slug:purchase_id>/look", purchases.look, name="purchase_look"),
    path("settings/billing/purchases/<slug:purchase_id>/return", purchases.came_back, name="purchase_return"),
    path("settings/billing/purchases/<slug:purchase_id>/callback", purchases.called_back, name="purchase_callback"),
    path("settings/billing/receipts/<slug:number>", receipts.page, name="payment_receipt"),
    path("settings/billing/receipts/<slug:number>.pdf", receipts.as_pdf, name="payment_receipt_pdf"),
    path("settings/billing/purchase-roles", choices.purchase_roles, name="purchase_roles"),
    path("settings/billing/overage", choices.overage, name="overage"),
    path("settings/billing/coverage", choices.coverage, name="coverage"),
    path("settings/billing/buyer", choices.buyer, name="buyer"),
    path("settings/ai-models", ai_models.page, name="ai_models"),
    path("settings/ai-features", credits.ai_features, name="ai_features"),
    path("settings/activity", activity.page, name="activity"),
    path("settings/activity/history.csv", activity.export, name="activity_export"),
    path("settings/api-keys", keys.index, name="api_keys"),
    path("settings/api-keys/<slug:key_id>/revocation", keys.revoke, name="api_key_revoke"),
    path("settings/webhooks", webhooks.index, name="webhooks"),
    path("settings/webhooks/<slug:endpoint_id>", webhooks.page, name="webhook"),
    path("settings/webhooks/<slug:endpoint_id>/secret", webhooks.secret, name="webhook_secret"),
    path("settings/webhooks/<slug:endpoint_id>/state", webhooks.switch, name="webhook_switch"),
    path("settings/webhooks/<slug:endpoint_id>/test", webhooks.try_out, name="webhook_test"),
    path("settings/webhooks/<slug:endpoint_id>/removal", webhooks.remove, name="webhook_removal"),
    path("settings/webhooks/<slug:endpoint_id>/deliveries/<int:delivery_id>", webhooks.again, name="webhook_again"),
    path("settings/members", people.index, name="people"),
    path("settings/members/departure", people.leave, name="departure"),
    path("settings/members/<int:user_id>/role", people.role, name="person_role"),
    path("settings/members/<int:user_id>/removal", people.remove, name="person_removal"),
    path("settings/ownership", people.ownership, name="ownership"),
    path("settings/invitations/<slug:invitation_id>/renewal", invitations.renew, name="invitation_renewal"),
    path("settings/invitations/<slug:invitation_id>/revocation", invitations.revoke, name="invitation_revocation"),
    path("invitations/<slug:token>", invitations.answer, name="invitation"),
    path("settings/account", account.account, name="account"),
    path("settings/guidelines", guidelines.guidelines, name="guidelines"),
    path("settings/privacy", privacy.page, name="privacy"),
    path("settings/privacy/retention", privacy.retention, name="privacy_retention"),
    path("settings/privacy/erasures", privacy.erasures, name="privacy_erasures"),
    path("settings/privacy/exports", exports.ask, name="privacy_exports"),
    path("settings/privacy/exports/<slug:export_id>", exports.download, name="privacy_export"),
    path("help", help_pages.index, name="help_index"),
    path("help/ai-privacy", help_pages.page, {"topic": "ai-privacy"}, name="ai_privacy"),
    path("help/<slug:topic>", help_pages.page, name="help"),
]
