"""A walk of one person through the pages of the AI features: doors, old results, and trying to use each of them."""

import json
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.support.ai_states import ANSWER, StatedOrganization
from tests.support.replies import Reply
from tests.support.stage import Stage
from tests.support.upstream import Upstream

GENERATION = "test case generation"
STEPS = "suggested steps"
CHAT = "chat"
REPORTS = "reports"

REQUIREMENT = "A user is locked out for 30 minutes after 5 failed attempts."
ARRIVAL_MS = 30_000
_SHOP = "/projects/SHOP"
_STEP = {"action": "Open the sign-in page.", "expected": "The page asks for the password."}
_DRAFT = {"preconditions": "A user has an account.", "steps": [_STEP, {**_STEP, "action": "Enter the password."}]}
_SAYS = {
    GENERATION: _DRAFT,
    STEPS: _STEP,
    CHAT: {"answer": "Look at the newest failures first, and talk to the developers."},
    REPORTS: {"text": "Check the environment first."},
}
"""What the model answers each feature."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """One of the demo people; the member in some place of the project."""

    name: str
    signs_in: str = "member"
    place: str = ""
    may_generate: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a refusal says: why, the way out for those who can act, and whom the others are to ask."""

    why: str
    may_act: AbstractSet[str]
    link: str
    leads_to: str
    others: str


class AiWalk:
    """The demo people's browsers. One generation and one report are there from the beginning, and a chat of each."""

    def __init__(self, stage: Stage, organization: StatedOrganization, model: Upstream) -> None:
        self._stage, self._organization, self._model = stage, organization, model
        self._pages: dict[str, Page] = {}
        self._followed: set[Told] = set()
        self._person = Person(name="nobody")
        self._used = True
        """Whether the page is no longer as it was opened."""
        emails = {role: user["email"] for role, user in stage.demo["users"].items()}
        self._chats = {role: organization.chat_of(email) for role, email in emails.items()}
        self._generation, self._report = organization.results_of(emails["member"])

    @property
    def spending(self) -> tuple[int, int, int]:
        """What was charged, what is held, and how often the model was called."""
        balance = self._organization.balance
        return balance.period_used, balance.held, len(self._model.requests)

    @property
    def complaints(self) -> list[str]:
        """What pages said on the console, and addresses elsewhere that they asked for, since the last time."""
        said = list(self._stage.complaints)
        self._stage.complaints.clear()
        return said

    def become(self, person: Person) -> None:
        """Go on as somebody else."""
        self._person, self._used = person, True
        if person.place:
            self._organization.place(person.place, may_generate=person.may_generate)

    def sees_doors(self, uses: AbstractSet[str], *, on: bool) -> None:
        """The ways into the features, and the balance, on the page where work begins."""
        page = self._at(_SHOP)
        tabs = page.get_by_role("navigation", name="Web shop checkout")
        _shown(page.get_by_role("link", name="Generate test cases"), GENERATION in uses and on)
        _shown(tabs.get_by_role("link", name="Chat", exact=True), CHAT in uses and on)
        _shown(tabs.get_by_role("link", name="Old chats"), CHAT in uses and not on)
        _shown(tabs.get_by_role("link", name="Reports"), True)
        _shown(page.locator("#nav-balance"), on)

    def sees_inner_doors(self, uses: AbstractSet[str], *, on: bool) -> None:
        """Those on the pages of a test case and of the reports."""
        _shown(self._at(f"{_SHOP}/cases/SHOP-2").get_by_role("link", name="Suggest steps"), STEPS in uses and on)
        _shown(self._at(f"{_SHOP}/reports").get_by_role("link", name="New report"), REPORTS in uses and on)

    def reads_old_results(self, uses: AbstractSet[str], *, on: bool) -> None:
        """What AI made before can be read in every state; while AI is off, nothing more can be done with it."""
        page = self._at(f"{_SHOP}/generations/{self._generation}")
        expect(page.locator("#draft-1")).to_contain_text("The account opens again after 30 minutes")
        guest = self._person.place == "guest"
        _shown(page.get_by_role("button", name="Accept", exact=True), on and not guest)
        page = self._at(f"{_SHOP}/reports/{self._report}")
        expect(page.get_by_text("Two cases alternate for no reason.")).to_be_visible()
        _shown(page.get_by_role("button", name="Delete"), on and REPORTS in uses)
        if CHAT in uses:
            page = self._at(self._address(CHAT))
            expect(page.get_by_text(ANSWER)).to_be_visible()
            _shown(page.get_by_role("textbox", name="Your question"), on)

    def is_not_let_in(self, feature: str) -> None:
        """The address typed by hand does not help either."""
        answer = self._page.request.get(self._stage.url + self._address(feature))
        if feature == STEPS:  # suggestions can be read by whoever sees the case
            assert "Suggest steps" not in answer.text()
        else:
            assert answer.status == 403, feature

    def may_use(self, feature: str) -> None:
        """Everything is there to begin, and what it will cost is said before."""
        page = self._at(self._address(feature))
        self._fill_in(feature)
        expect(page.get_by_role("button", name=_PRESS[feature])).to_be_enabled()
        expect(page.locator("#main").get_by_text(re.compile(r"[Aa]bout \d+\.\d\d")).first).to_be_visible()

    def gets(self, feature: str) -> None:
        """It works, and says what it cost."""
        text = json.dumps(_SAYS[feature])
        self._model.default = Reply(chunks=(text,), usage={"prompt_tokens": 400, "completion_tokens": 40})
        page = self._at(self._address(feature))
        answers = page.locator(".turn__answer").count()
        self._uses(feature)
        if feature == CHAT:  # earlier answers on the page say a cost too
            expect(page.locator(".turn__answer")).to_have_count(answers + 1)
        cost = page.locator(".turn__foot").last if feature == CHAT else page.locator(".cost")
        expect(cost).to_contain_text(re.compile(r"0\.[1-9]\d|0\.0[1-9]|[1-9]\d*\.\d\d"), timeout=ARRIVAL_MS)
        expect(cost.get_by_role("link", name="receipt")).to_be_visible()

    def is_refused(self, person: Person, feature: str) -> Page:
        """They try it in vain; answers the page that says so."""
        self.become(person)
        page = self._at(self._address(feature))
        self._uses(feature)
        expect(page.get_by_role("alert")).to_be_visible()
        return page

    def is_told(self, feature: str, told: Told) -> None:
        """It does not work, and says what would help."""
        page = self._at(self._address(feature))
        if page.get_by_role("button", name=_PRESS[feature]).is_visible():
            self._uses(feature)
        note = page.locator("#main p").filter(has_text=told.why).first
        expect(note).to_be_visible()
        link = note.get_by_role("link", name=told.link)
        if self._person.name not in told.may_act:
            expect(note).to_contain_text(told.others)
            expect(link).to_have_count(0)
            return
        address = link.get_attribute("href") or ""
        assert address.startswith(told.leads_to), feature
        if told not in self._followed:
            assert page.request.get(self._stage.url + address).ok, feature
            self._followed.add(told)

    def _uses(self, feature: str) -> None:
        self._fill_in(feature)
        self._used = True
        # What it says may stand there already: a request that is still on its way would be answered in the next state.
        with self._page.expect_response(lambda answer: answer.request.method == "POST"):
            self._page.get_by_role("button", name=_PRESS[feature]).click()

    def _fill_in(self, feature: str) -> None:
        page = self._page
        if feature == GENERATION:
            page.get_by_role("textbox", name="Requirement").fill(REQUIREMENT)
            page.get_by_label("Test cases").select_option("1")
        if feature == CHAT:
            page.get_by_role("textbox", name="Your question").fill("Which test cases failed lately?")

    def _address(self, feature: str) -> str:
        return {
            GENERATION: f"{_SHOP}/generate",
            STEPS: f"{_SHOP}/cases/SHOP-2/steps",
            CHAT: f"{_SHOP}/chat/{self._chats[self._person.signs_in]}",
            REPORTS: f"{_SHOP}/reports/new?kinds=flaky",
        }[feature]

    def _at(self, address: str) -> Page:
        if self._page.url != self._stage.url + address or self._used:
            self._page.goto(self._stage.url + address, wait_until="domcontentloaded")
            self._used = False
        return self._page

    @property
    def _page(self) -> Page:
        signs_in = self._person.signs_in
        if signs_in not in self._pages:
            self._pages[signs_in] = self._stage.signed_in(signs_in)
        return self._pages[signs_in]


_PRESS = {
    GENERATION: re.compile("^Generate$"),
    STEPS: re.compile("^Suggest"),
    CHAT: re.compile("^Ask$"),
    REPORTS: re.compile("^Make reports$"),
}


def _shown(door: Locator, is_there: bool) -> None:
    if is_there:
        expect(door).to_be_visible()
    else:
        expect(door).to_be_hidden()
