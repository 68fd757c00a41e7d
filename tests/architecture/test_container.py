"""The container image and the compose file name only what exists, and keep to what makes an image safe to run.

No image is built here: that needs a daemon and a registry.
"""

import fnmatch
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkase.config import commands
from testkase.entrypoints.cli.app import app
from tests.architecture.test_settings_documented import documented

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
GUIDE = (ROOT / "docs/operations.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = ("prepare", "app", "worker", "backup")


def instructions() -> list[tuple[str, str]]:
    """Every instruction with its argument, lines that go on joined."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines() if line.strip()]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def of(name: str) -> list[str]:
    return [argument for instruction, argument in instructions() if instruction == name]


def in_context(path: str) -> bool:
    """Whether the build sees it: everything is left out but what .dockerignore takes back in."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    return any(fnmatch.fnmatch(path, rule[1:]) for rule in rules if rule.startswith("!"))


def known_commands() -> set[str]:
    commands._add_operators_commands()
    return {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}


def test_a_container_that_is_told_to_stop_while_it_starts_hears_it() -> None:
    """The kernel keeps signals from the first process of a container until that has asked for them."""
    assert [name for name in OURS if not COMPOSE["services"][name].get("init")] == []


def test_what_is_copied_exists_and_is_in_the_context() -> None:
    copied = [argument.split() for argument in of("COPY") if not argument.startswith("--from")]
    assert copied
    for *sources, _ in copied:
        for source in sources:
            assert (ROOT / source).exists(), source
            assert in_context(source), source


@pytest.mark.parametrize("kept_out", ["var", "var/secrets.json", ".env", ".venv", ".git", "tests", "backups"])
def test_no_state_and_no_secret_gets_into_the_image(kept_out: str) -> None:
    assert not in_context(kept_out)


def test_the_image_is_built_from_the_lock_and_holds_nothing_that_installs() -> None:
    (install,) = [step for step in of("RUN") if "pip" in step and "install --no-cache-dir" in step]
    for needed in ("--require-hashes", "--no-deps", "--only-binary :all:", '-r "/build/$LOCK"'):
        assert needed in install
    assert "--without-pip" in install
    assert of("ARG") == ["LOCK=requirements.lock"]
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert not re.search(r"pip|venv|gcc|build-essential|curl|git", last)


def test_every_apt_get_leaves_nothing_behind_and_images_are_pinned() -> None:
    for step in of("RUN"):
        if "apt-get" in step:
            assert "apt-get update &&" in step
            assert "--no-install-recommends" in step
            assert "rm -rf /var/lib/apt/lists/*" in step
    images = [image.split()[0] for image in of("FROM")] + [COMPOSE["services"]["db"]["image"]]
    assert all(":" in image and not image.endswith(":latest") for image in images)
    assert of("ADD") == []


def test_it_runs_as_a_user_without_rights_and_stops_when_it_is_told_to() -> None:
    assert re.fullmatch(r"[1-9]\d+:0", of("USER")[-1])
    assert of("ENTRYPOINT") == ['["testkase"]']
    assert of("CMD") == ['["serve"]']
    assert "healthcheck.py" in of("HEALTHCHECK")[0]
    entrypoint = ROOT / "deploy/entrypoint.sh"
    assert entrypoint.stat().st_mode & stat.S_IXUSR
    assert entrypoint.read_text().rstrip().endswith('exec /opt/testkase/bin/python -m testkase "$@"')
    subprocess.run(["sh", "-n", str(entrypoint)], check=True)


def test_secrets_may_be_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of a file\n")
    script = (
        (ROOT / "deploy/entrypoint.sh").read_text().replace("exec /opt/testkase/bin/python -m testkase", "exec env")
    )
    said = subprocess.run(
        ["sh", "-c", script], env={"PATH": "/usr/bin:/bin", "TESTKASE_SECRET_KEY_FILE": str(secret)},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "TESTKASE_SECRET_KEY=of a file\n" in said
    lost = subprocess.run(
        ["sh", "-c", script], env={"PATH": "/usr/bin:/bin", "DATABASE_URL_FILE": str(tmp_path / "none")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (lost.returncode, "cannot be read" in lost.stderr) == (1, True)
    named = set(re.findall(r"[A-Z][A-Z_]{5,}", script.split("; do")[0].split("for name in", 1)[1]))
    assert named <= documented()


def test_services_run_commands_that_exist_with_settings_that_exist() -> None:
    for name in OURS:
        service = COMPOSE["services"][name]
        assert service["command"][0] in known_commands()
        assert set(service["environment"]) <= documented()
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_services_wait_for_each_other_and_have_time_to_stop() -> None:
    services = COMPOSE["services"]
    for name in ("app", "worker"):
        assert services[name]["depends_on"]["prepare"]["condition"] == "service_completed_successfully"
        assert int(services[name]["stop_grace_period"].removesuffix("s")) >= 45
    assert services["prepare"]["depends_on"]["db"]["condition"] == "service_healthy"
    assert "pg_isready" in services["db"]["healthcheck"]["test"]
    used = {mount.split(":")[0] for service in services.values() for mount in service["volumes"] if mount[0].isalpha()}
    assert used == set(COMPOSE["volumes"])


def test_only_the_owner_of_the_database_gets_the_owners_password() -> None:
    for name in ("app", "worker"):
        assert "DATABASE_URL" not in COMPOSE["services"][name]["environment"]
    for variable in re.findall(r"\$\{([A-Z_]+):\?\}", (ROOT / "compose.yaml").read_text()):
        assert variable in GUIDE, variable
