"""The list of help pages, in the order in which somebody new would read them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A help page. Its template is `testkase/help/<slug>.html`."""

    slug: str
    title: str
    summary: str
    icon: str


TOPICS = (
    Topic(
        slug="ai-credits",
        title="AI Credits",
        summary="What a credit is, what a call costs, when credits expire, and what happens at 0.",
        icon="credits",
    ),
    Topic(
        slug="credits-and-billing",
        title="Credits & Billing",
        summary="The bundles and their prices, how buying works, refunds, and use beyond the balance.",
        icon="receipt",
    ),
    Topic(
        slug="plans-and-billing",
        title="Plans & Billing",
        summary="What is included every month, the payment history, receipts, and who decides about buying.",
        icon="calendar",
    ),
    Topic(
        slug="ai-features",
        title="AI Features",
        summary="Generating test cases step by step, and how to spend fewer credits on better drafts.",
        icon="spark",
    ),
    Topic(
        slug="roles",
        title="Who may do what",
        summary="Owner, Admin and Member of the organization; Project admin, User and Guest of a project.",
        icon="people",
    ),
    Topic(
        slug="guidelines",
        title="Guidelines for your team",
        summary="A short text to share: how to use AI well, and what not to put into it.",
        icon="list",
    ),
    Topic(
        slug="ai-privacy",
        title="AI and your data",
        summary="What is sent to a model, how it travels, and what is kept. Read it before you switch AI on.",
        icon="shield",
    ),
    Topic(
        slug="api",
        title="API quick start",
        summary="Spend credits from your own programs: with curl, or with any OpenAI client.",
        icon="key",
    ),
)

BY_SLUG = {topic.slug: topic for topic in TOPICS}
