"""People come, change roles and go, each in a browser of their own."""

import re

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.support.stage import Stage

ADDRESS = "nadia@newcomer.example"


def invited(owner: Page, stage: Stage, address: str) -> str:
    """The owner invites an address; answers the link in the letter."""
    owner.goto(f"{stage.url}/settings/members")
    owner.get_by_label("E-mail address").fill(address)
    owner.get_by_role("button", name="Send invitation").click()
    expect(owner.locator("#toasts")).to_contain_text(f"invitation for {address}")
    letter = next(text for text in reversed(stage.letters()) if f"To: {address}" in text)
    found = re.search(r"http://\S+/invitations/\S+", letter)
    assert found is not None
    return found[0]


@pytest.mark.requirement("P15", "R41")
def test_an_invited_colleague_joins_and_a_changed_role_acts_at_once(stage: Stage) -> None:
    owner, colleague = stage.signed_in("owner"), stage.page()
    colleague.goto(invited(owner, stage, ADDRESS))
    expect(colleague.locator("h1")).to_have_text("Join Northwind Labs")
    colleague.get_by_label("Your name").fill("Nadia New")
    colleague.get_by_label("Password").fill("quiet-lantern-42")
    colleague.get_by_role("button", name="Create account and join").click()
    expect(colleague.get_by_text("You have not been added to a project yet")).to_be_visible()

    owner.goto(f"{stage.url}/projects/SHOP")
    owner.locator("main").get_by_role("link", name="Members").click()
    owner.get_by_label("Person").select_option(label=f"Nadia New ({ADDRESS})")
    owner.get_by_label("May generate", exact=True).check()
    owner.get_by_role("button", name="Add", exact=True).click()
    expect(owner.get_by_label("Role of Nadia New")).to_be_visible()
    colleague.goto(f"{stage.url}/projects/SHOP")
    expect(colleague.get_by_role("link", name="Generate test cases")).to_be_visible()
    expect(colleague.get_by_role("link", name="API keys")).to_have_count(0)

    owner.goto(f"{stage.url}/settings/members")
    owner.get_by_label("Role of Nadia New", exact=True).select_option("admin")
    owner.get_by_role("button", name="Save the role of Nadia New").click()
    expect(owner.locator("#toasts")).to_contain_text("Nadia New is Admin from now on")
    colleague.reload()
    expect(colleague.get_by_role("link", name="API keys")).to_be_visible()

    owner.on("dialog", lambda dialog: dialog.accept())
    owner.get_by_role("button", name="Remove Nadia New").click()
    expect(owner.locator("#toasts")).to_contain_text("Nadia New is not in the organization any more")
    colleague.reload()
    expect(colleague.locator("h1")).to_have_text("Name your organization")


@pytest.mark.requirement("P15")
def test_somebody_in_two_organizations_changes_between_them_in_the_menu(stage: Stage) -> None:
    newcomer = stage.page()
    newcomer.goto(f"{stage.url}/accounts/signup/")
    newcomer.get_by_label("Your name").fill("Theo Two")
    newcomer.get_by_label("Organization").fill("Second Ltd")
    newcomer.get_by_label("Email").fill("theo@two.example")
    newcomer.get_by_label("Password").fill("quiet-lantern-42")
    newcomer.get_by_role("button", name="Create account").click()
    expect(newcomer.get_by_text("No projects yet")).to_be_visible()
    newcomer.goto(invited(stage.signed_in("owner"), stage, "theo@two.example"))
    newcomer.get_by_role("button", name="Join as Theo Two").click()
    expect(newcomer.locator(".page__head")).to_contain_text("Northwind Labs")
    left = newcomer.context.new_page()
    left.goto(f"{stage.url}/projects")
    newcomer.locator("summary[aria-label^='Account of']").click()
    newcomer.get_by_role("button", name="Switch to Second Ltd").click()
    expect(newcomer.locator(".page__head")).to_contain_text("Second Ltd")
    left.locator("summary[aria-label^='Account of']").click()
    left.get_by_role("button", name="Switch to Second Ltd").click()
    expect(left.locator(".page__head")).to_contain_text("Second Ltd")


@pytest.mark.requirement("R73", "P15")
def test_a_form_of_one_organization_is_not_sent_to_another_chosen_meanwhile_in_a_second_window(stage: Stage) -> None:
    page = stage.signed_in("admin")
    page.goto(f"{stage.url}/settings/members")
    second = page.context.new_page()
    second.goto(f"{stage.url}/organizations/new")
    second.get_by_label("Organization").fill("Third Ltd")
    second.get_by_role("button", name="Create organization").click()
    expect(second.get_by_text("No projects yet")).to_be_visible()
    page.get_by_label("E-mail address").fill("somebody@elsewhere.example")
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text("You work in Third Ltd now.")).to_be_visible()


@pytest.mark.requirement("P16")
def test_whoever_erases_is_asked_about_the_person_they_chose(stage: Stage) -> None:
    owner = stage.signed_in("owner")
    owner.goto(f"{stage.url}/settings/privacy")
    people = owner.get_by_label("Content of a person")
    people.select_option(index=1)
    name = people.locator("option").nth(1).inner_text()
    asked: list[str] = []

    def decline(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    owner.once("dialog", decline)
    owner.get_by_role("button", name="Erase the person's content").click()
    assert asked == [f"Erase what {name} wrote for AI? It cannot be brought back."]
    expect(people).to_have_value(re.compile("."))  # still there, and nothing was sent
