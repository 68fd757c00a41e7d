"""Members of an organization and of a project: roles, removal, leaving, ownership, and who may change which."""

import re

import pytest
from django.test import Client

from tests.integration.web.conftest import Visitors
from tests.support.invitations import id_of, invited, people_snapshot, role_of
from tests.support.people import add_to, models, project_role, stranger

ABSENT = 999_999
NAME = "Northwind Labs"


def person_of(client: Client) -> int:
    return int(client.session["_auth_user_id"])


def second_admin(visitors: Visitors) -> tuple[Client, int]:
    client = stranger(None)
    add_to(visitors.demo, client)
    user_id = person_of(client)
    models().Membership.objects.filter(user=user_id).update(role="admin")
    return client, user_id


@pytest.mark.requirement("P15")
def test_a_changed_role_acts_at_once(visitors: Visitors) -> None:
    owner, member = visitors.client_of("owner"), visitors.client_of("member")
    address = f"/settings/members/{id_of(visitors.demo, 'member')}/role"
    assert member.get("/settings/api-keys").status_code == 403
    assert owner.post(address, {"role": "admin"}).status_code == 302
    assert member.get("/settings/api-keys").status_code == 200
    owner.post(address, {"role": "member"})
    assert member.get("/settings/api-keys").status_code == 403


@pytest.mark.requirement("P15")
def test_admins_manage_members_and_each_other_but_not_the_owner(visitors: Visitors) -> None:
    admin = visitors.client_of("admin")
    _, other = second_admin(visitors)
    member, owner = (id_of(visitors.demo, role) for role in ("member", "owner"))
    assert admin.post(f"/settings/members/{member}/role", {"role": "admin"}).status_code == 302
    assert admin.post(f"/settings/members/{other}/role", {"role": "member"}).status_code == 302
    for action in ("role", "removal"):
        assert admin.post(f"/settings/members/{owner}/{action}", {"role": "member"}).status_code == 403
    assert role_of(visitors.demo, visitors.demo.emails["owner"]) == "owner"


@pytest.mark.requirement("P15")
@pytest.mark.parametrize("role", ["owner", "project_admin", "", "root"])
def test_nobody_is_made_anything_but_admin_or_member(visitors: Visitors, role: str) -> None:
    before, address = people_snapshot(), f"/settings/members/{id_of(visitors.demo, 'member')}/role"
    for actor in ("owner", "admin"):
        assert visitors.client_of(actor).post(address, {"role": role}).status_code == 422
    assert people_snapshot() == before


@pytest.mark.requirement("P15")
def test_whoever_is_removed_is_out_at_once_and_out_of_the_projects(visitors: Visitors) -> None:
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    assert member.get("/projects/SHOP").status_code == 200
    admin.post(f"/settings/members/{id_of(visitors.demo, 'member')}/removal")
    assert member.get("/projects/SHOP").headers["Location"] == "/organizations/new"
    member.post(invited(admin, visitors.demo.emails["member"]))
    assert member.get("/projects").status_code == 200
    assert member.get("/projects/SHOP").status_code == 404


@pytest.mark.requirement("P15", "I13")
def test_a_rank_in_another_organization_counts_for_nothing_here(visitors: Visitors) -> None:
    from testkase.foundation.problems import Forbidden
    from testkase.services.organizations.keys import scopes_to_give
    from testkase.services.organizations.people import manager_role

    here = models().Organization.objects.get(memberships__user=person_of(stranger()))
    owner_elsewhere = models().User.objects.get(email=visitors.demo.emails["owner"])
    models().Membership.objects.create(user=owner_elsewhere, organization=here, role="member")
    assert scopes_to_give(here, owner_elsewhere) == frozenset()
    with pytest.raises(Forbidden):
        manager_role(here, owner_elsewhere)


@pytest.mark.requirement("P15", "I13")
@pytest.mark.parametrize("way", ["removal", "role"])
def test_keys_and_letters_of_another_organization_outlive_what_becomes_of_somebody_here(
    visitors: Visitors, way: str
) -> None:
    from testkase.services.organizations.invitations import invite
    from testkase.services.organizations.keys import create_api_key

    client, found = stranger(), models()
    person = found.User.objects.get(pk=person_of(client))
    elsewhere = found.Organization.objects.get(memberships__user=person)
    key, _ = create_api_key(elsewhere, person, "Of elsewhere")
    letter = invite(elsewhere, person, "friend@newcomer.example", "member").invitation
    add_to(visitors.demo, client)
    found.Membership.objects.filter(user=person, organization=visitors.demo.org_id).update(role="admin")
    visitors.client_of("owner").post(f"/settings/members/{person.pk}/{way}", {"role": "member"})
    for one in (key, letter):
        one.refresh_from_db()
    assert (key.revoked_at, letter.revoked_at, len(key.scopes)) == (None, None, 3)
    assert found.Membership.objects.get(user=person, organization=elsewhere).role == "owner"


@pytest.mark.requirement("P15")
def test_members_leave_and_the_owner_cannot_before_a_transfer(visitors: Visitors) -> None:
    owner, member = visitors.client_of("owner"), visitors.client_of("member")
    assert member.post("/settings/members/departure").headers["Location"] == "/"
    assert member.get("/projects").headers["Location"] == "/organizations/new"
    assert owner.post("/settings/members/departure").status_code == 409
    heir = {"user": id_of(visitors.demo, "admin"), "confirmation": NAME}
    assert owner.post("/settings/ownership", heir).headers["Location"] == "/settings/members"
    assert owner.post("/settings/members/departure").status_code == 302
    assert list(models().Membership.objects.values_list("role", flat=True)) == ["owner"]


@pytest.mark.requirement("P15", "R40")
def test_ownership_moves_as_a_whole(visitors: Visitors) -> None:
    owner, member = visitors.client_of("owner"), visitors.client_of("member")
    owner.post("/settings/ownership", {"user": id_of(visitors.demo, "member"), "confirmation": f"  {NAME} "})
    assert member.get("/settings/ai-credits/switch").status_code == 200
    assert owner.get("/settings/ai-credits/switch").status_code == 403
    assert role_of(visitors.demo, visitors.demo.emails["owner"]) == "admin"
    assert models().Membership.objects.filter(role="owner").count() == 1


@pytest.mark.requirement("P15")
@pytest.mark.parametrize("confirmation", ["", "northwind labs", "Northwind"])
def test_a_transfer_wants_the_name_typed(visitors: Visitors, confirmation: str) -> None:
    before, heir = people_snapshot(), id_of(visitors.demo, "admin")
    form = {"user": heir, "confirmation": confirmation}
    assert visitors.client_of("owner").post("/settings/ownership", form).status_code == 422
    assert visitors.client_of("admin").post("/settings/ownership", {**form, "confirmation": NAME}).status_code == 403
    assert people_snapshot() == before


@pytest.mark.requirement("P15")
def test_ownership_goes_only_to_another_member(visitors: Visitors) -> None:
    owner, outsider = visitors.client_of("owner"), person_of(stranger())
    before = people_snapshot()
    for user in (outsider, ABSENT, id_of(visitors.demo, "owner"), "x", "", "9" * 19):
        form = {"user": user, "confirmation": NAME}
        assert owner.post("/settings/ownership", form).status_code == 422, user
    assert people_snapshot() == before


def test_members_see_their_colleagues_and_no_forms_that_are_not_theirs(visitors: Visitors) -> None:
    page = visitors.client_of("member").get("/settings/members").content.decode()
    assert "Olivia Ortega" in page
    assert "Leave the organization" in page
    assert "Invite somebody" not in page
    assert "/removal" not in page
    assert "/projects/SHOP" not in page


@pytest.fixture
def neighbours(visitors: Visitors) -> dict[str, str]:
    """Another organization's person and invitation, by the names they have in addresses."""
    client = stranger("Elsewhere Ltd")
    invited(client, "guest@elsewhere.example")
    other = models().Invitation.objects.get(email="guest@elsewhere.example")
    return {"user": str(person_of(client)), "invitation": other.invitation_id}


POSTS = (
    "/settings/members/{user}/role",
    "/settings/members/{user}/removal",
    "/settings/invitations/{invitation}/renewal",
    "/settings/invitations/{invitation}/revocation",
    "/projects/SHOP/members/{user}",
    "/projects/SHOP/members/{user}/removal",
)
FORM = {"role": "member", "may_generate": "1"}


@pytest.mark.requirement("R73", "I13")
@pytest.mark.parametrize("role", ["owner", "admin", "member"])
def test_a_foreign_id_answers_exactly_like_an_absent_one(
    visitors: Visitors, neighbours: dict[str, str], role: str
) -> None:
    client, before = visitors.client_of(role), people_snapshot()
    for address in POSTS:
        form = {**FORM, "role": "user"} if "SHOP" in address else FORM
        foreign = client.post(address.format(**neighbours), form)
        absent = client.post(address.format(user=ABSENT, invitation="inv_none"), form)
        assert foreign.status_code == absent.status_code == (403 if role == "member" else 404), address
        assert _bare(foreign.content) == _bare(absent.content), address
    assert people_snapshot() == before


@pytest.mark.requirement("R73", "I13")
def test_a_stranger_changes_nobody_elses_people(visitors: Visitors) -> None:
    invited(visitors.client_of("owner"), "guest@newcomer.example")
    ids = {
        "user": id_of(visitors.demo, "member"),
        "invitation": models().Invitation.objects.get().invitation_id,
    }
    client = stranger()
    before = people_snapshot()
    for address in POSTS:
        assert client.post(address.format(**ids), FORM).status_code == 404, address
    assert people_snapshot() == before


def test_looking_changes_nothing(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    invited(owner, "guest@newcomer.example")
    ids = {"user": id_of(visitors.demo, "member"), "invitation": models().Invitation.objects.get().invitation_id}
    before = people_snapshot()
    for address in (*POSTS, "/settings/members/departure"):
        assert owner.get(address.format(**ids)).status_code == 405, address
    for address in ("/settings/members", "/settings/ownership", "/projects/SHOP/members"):
        assert owner.get(f"{address}?role=admin&email=x@y.example&user=1").status_code == 200
    assert people_snapshot() == before


@pytest.mark.parametrize("user", ["9" * 18, "9" * 19, "9" * 40])
def test_a_person_no_database_could_hold_is_simply_not_there(visitors: Visitors, user: str) -> None:
    owner = visitors.client_of("owner")
    for address in POSTS:
        form = {**FORM, "role": "user"} if "SHOP" in address else FORM
        assert owner.post(address.format(user=user, invitation="x" * 500), form).status_code == 404


def add_to_shop(client: Client, user_id: object, role: str, **more: str) -> int:
    return client.post("/projects/SHOP/members", {"user": user_id, "role": role, **more}).status_code


@pytest.mark.requirement("P15", "R41")
def test_roles_in_a_project_act_at_once(visitors: Visitors) -> None:
    admin, member = visitors.client_of("admin"), visitors.client_of("member")
    address = f"/projects/SHOP/members/{id_of(visitors.demo, 'member')}"
    expected = {"user": (403, 403), "guest": (403, 403), "project_admin": (200, 200)}
    for role, (generates, manages) in expected.items():
        assert admin.post(address, {"role": role}).status_code == 302
        assert member.get("/projects/SHOP/generate").status_code == generates, role
        assert member.get("/projects/SHOP/members").status_code == manages, role
    admin.post(address, {"role": "user", "may_generate": "1"})
    assert member.get("/projects/SHOP/generate").status_code == 200
    admin.post(address, {"role": "guest", "may_generate": "1"})
    assert member.get("/projects/SHOP/generate").status_code == 403
    admin.post(f"{address}/removal")
    assert member.get("/projects/SHOP").status_code == 404


@pytest.mark.requirement("P15")
def test_a_project_admin_adds_members_of_the_organization_and_nobody_else(visitors: Visitors) -> None:
    project_role(visitors.demo, "project_admin")
    project_admin, colleague, outsider = visitors.client_of("member"), stranger(None), person_of(stranger())
    add_to(visitors.demo, colleague)
    assert colleague.get("/projects/SHOP").status_code == 404
    assert add_to_shop(project_admin, person_of(colleague), "guest") == 302
    assert colleague.get("/projects/SHOP").status_code == 200
    assert colleague.get("/projects/SHOP/members").status_code == 403
    for user in (outsider, ABSENT, "", "x"):
        assert add_to_shop(project_admin, user, "user") == 422
    assert add_to_shop(project_admin, person_of(colleague), "owner") == 422


def test_a_project_admin_who_removes_themselves_lands_on_their_projects(visitors: Visitors) -> None:
    project_role(visitors.demo, "project_admin")
    member = visitors.client_of("member")
    response = member.post(f"/projects/SHOP/members/{id_of(visitors.demo, 'member')}/removal")
    assert response.headers["Location"] == "/projects"


@pytest.mark.requirement("P15")
@pytest.mark.parametrize("role", ["user", "guest"])
def test_users_and_guests_do_not_manage_a_project(visitors: Visitors, role: str) -> None:
    project_role(visitors.demo, role, may_generate=True)
    member, own = visitors.client_of("member"), id_of(visitors.demo, "member")
    assert "/projects/SHOP/members" not in member.get("/projects/SHOP").content.decode()
    assert add_to_shop(member, own, "project_admin") == 403
    assert member.post(f"/projects/SHOP/members/{own}", {"role": "project_admin"}).status_code == 403
    assert member.post(f"/projects/SHOP/members/{own}/removal").status_code == 403


def _bare(page: bytes) -> str:
    """A page without what differs from one answer to the next: tokens, nonces and tickets."""
    text = re.sub(r'nonce="[^"]+"|data-ticket="[^"]+"', "", page.decode())
    return re.sub(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]+', "", text)
