"""The demo organization: made once, repeatable, and its secrets known only when they are made."""

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from testkase.core.access import grantable_scopes, hash_key
from testkase.foundation.settings import Settings
from testkase.services.workspace.cycles import list_cycles
from testkase.services.workspace.projects import find_project
from testkase.services.workspace.search import Wanted, list_cases
from tests.support.cluster import TestDatabase
from tests.support.people import models

SETTINGS = Settings.from_environ({})


def seed(*, renew_secrets: bool = False) -> Any:
    from testkase.services.organizations.demo import seed_demo

    return seed_demo(SETTINGS, renew_secrets=renew_secrets)


@pytest.mark.requirement("P14", "B15")
def test_a_second_seed_changes_nothing_and_knows_no_secret(django_database: TestDatabase) -> None:
    first, second = seed(), seed()
    assert (first.created, second.created) == (True, False)
    assert first.org_id == second.org_id
    assert second.api_key is None
    assert all(user.password is None for user in second.users.values())
    assert models().Organization.objects.count() == 1
    assert models().ApiKey.objects.count() == 1


def test_the_demo_key_opens_every_door_of_the_api(django_database: TestDatabase) -> None:
    seed()
    assert set(models().ApiKey.objects.get().scopes) == {scope.value for scope in grantable_scopes("owner")}


@pytest.mark.requirement("R63", "B15")
def test_the_demo_project_has_cases_and_cycles_to_look_at(django_database: TestDatabase) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    org_id = seed().org_id
    with tenant_transaction(org_id):
        project = run_here(find_project(org_id, "SHOP", user_id=0, sees_all=True))
        cycles = run_here(list_cycles(org_id, project.project_id, limit=9))
        flaky = run_here(list_cases(org_id, project.project_id, limit=9, wanted=Wanted(tag="flaky")))
    assert project.case_count == 25
    assert [(cycle.state, cycle.progress.percent) for cycle in cycles] == [("running", 72)] + [("finished", 100)] * 3
    assert all(cycle.progress.failed for cycle in cycles)
    assert len(flaky) == 2


def test_secrets_are_never_in_what_is_printed_of_a_seed(django_database: TestDatabase) -> None:
    made = seed()
    assert str(made.api_key) not in repr(made)
    assert all(str(user.password) not in repr(made) for user in made.users.values())


def test_renewed_secrets_work_and_the_old_ones_stop(django_database: TestDatabase) -> None:
    old = seed()
    new = seed(renew_secrets=True)
    assert old.api_key is not None
    assert new.api_key is not None
    keys = models().ApiKey.objects
    assert keys.get(hash=hash_key(old.api_key)).revoked_at is not None
    assert keys.get(hash=hash_key(new.api_key)).revoked_at is None
    for role, user in new.users.items():
        stored = models().User.objects.get(email=user.email).password
        assert check_password(str(user.password), stored)
        assert not check_password(str(old.users[role].password), stored)
