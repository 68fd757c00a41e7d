"""What actions, roles and scopes are called on pages: a few words for each, and none left out."""

from testkase.core.access import Action, OrganizationRole, ProjectRole, Scope

ROLES: dict[OrganizationRole | ProjectRole, str] = {
    OrganizationRole.OWNER: "Owner",
    OrganizationRole.ADMIN: "Admin",
    OrganizationRole.MEMBER: "Member",
    ProjectRole.PROJECT_ADMIN: "Project admin",
    ProjectRole.USER: "User",
    ProjectRole.GUEST: "Guest",
}

ACTIONS: dict[Action, str] = {
    Action.VIEW_BALANCE: "See the balance",
    Action.VIEW_USAGE: "See where the credits went",
    Action.EXPORT_USAGE: "Export usage as CSV",
    Action.BUY_CREDITS: "Buy credits",
    Action.VIEW_BILLING: "See payments and receipts",
    Action.SWITCH_AI: "Switch AI on and off",
    Action.SET_PURCHASE_ROLES: "Decide whether Admins may buy",
    Action.SET_OVERAGE: "Allow use beyond the balance, up to a cap",
    Action.VIEW_AI_MODELS: "See which models are used, and where data goes",
    Action.SET_QUALITY_LEVELS: "Choose the quality level of each feature",
    Action.SET_ALERTS: "Set the alerts",
    Action.SET_BUDGETS: "Set budgets",
    Action.SET_GUARD: "Switch the runaway guard",
    Action.VIEW_ACTIVITY: "See everybody's activity",
    Action.MANAGE_API_KEYS: "Create and revoke API keys",
    Action.MANAGE_WEBHOOKS: "Have events sent to programs",
    Action.MANAGE_MEMBERS: "Invite, remove and promote people",
    Action.MANAGE_PROJECTS: "Open projects, and work in all of them",
    Action.TRANSFER_OWNERSHIP: "Hand the organization over",
    Action.GOVERN_DATA: "Decide how long content is kept, erase it, and take it all away",
    Action.VIEW_PROJECT: "See the project and its test cases",
    Action.CHAT: "Use the chat assistant",
    Action.EDIT_CASES: "Write and change test cases",
    Action.RUN_CYCLES: "Plan test cycles, execute cases, import results",
    Action.DELETE_FOLDERS_AND_CYCLES: "Delete folders and test cycles",
    Action.GENERATE_CASES: "Generate test cases with AI",
    Action.CREATE_REPORT: "Create AI reports",
    Action.SCHEDULE_REPORTS: "Let AI reports be made by the clock",
    Action.MANAGE_PROJECT_MEMBERS: "Decide who works in the project",
}

SCOPES: dict[Scope, tuple[str, str]] = {
    Scope.CREDITS_READ: ("Read credits", "Balance, usage, receipts, statements, and what expires when."),
    Scope.CREDITS_WRITE: ("Spend credits", "Set credits aside for a call of its own, and charge what the call used."),
    Scope.MODELS_CALL: ("Call models", "Use the OpenAI-compatible gateway. Every call is charged."),
    Scope.BILLING_READ: ("Read billing", "Purchases, their receipts, and bills for use beyond the balance."),
    Scope.BILLING_WRITE: ("Buy credits", "Start a purchase."),
    Scope.SETTINGS_READ: ("Read settings", "Alerts, budgets, pauses, who may buy, and the cap on overage."),
    Scope.SETTINGS_WRITE: ("Change settings", "Alerts, budgets, pauses, who may buy and the cap. Never the AI switch."),
    Scope.AUDIT_READ: ("Read activity", "Who changed what, and when."),
    Scope.WORKSPACE_READ: ("Read projects", "Test cases, and what became of imports."),
    Scope.WORKSPACE_WRITE: ("Send test results", "Results of automated tests, into test cycles."),
}
"""A short name, and what a key with the scope can do."""
