"""The samples of the documents run against the real server, and the API's document names what there is."""

import os
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from testkase.services.notifications.webhooks.deliveries import Parcel
from testkase.services.notifications.webhooks.events import TEST, Message
from testkase.services.notifications.webhooks.sending import signed
from tests.support.programs import Organization
from tests.support.shop import Shop
from tests.support.upstream import Reply, Upstream

ROOT = Path(__file__).resolve().parents[3]
API = (ROOT / "docs/api.md").read_text()
PYTHON = [
    (name, sample)
    for name in ("README.md", "docs/meter-your-app.md", "docs/api.md")
    for sample in re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)
]
SHELL = [
    (name, block)
    for name in ("README.md", "docs/api.md")
    for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)
    if "curl " in block
]
SHOW_STATUS = 'curl() { command curl -o answer -w "%{http_code}\\n" "$@"; }\n'
RESULTS = '<testsuite><testcase classname="shop" name="pays"/></testsuite>'


def test_there_are_samples_of_each_way() -> None:
    assert {name for name, _ in PYTHON} == {"README.md", "docs/meter-your-app.md", "docs/api.md"}
    assert len(SHELL) >= 3


@pytest.mark.parametrize(("name", "sample"), PYTHON, ids=[f"{name}-{i}" for i, (name, _) in enumerate(PYTHON)])
def test_every_python_sample_runs(
    name: str, sample: str, base_url: str, org: Organization, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.default = Reply(chunks=("One ", "case"), usage={"prompt_tokens": 40, "completion_tokens": 2})
    here = sample.replace("http://127.0.0.1:8000", base_url).replace("tk_live_…", org.key)
    given: dict[str, object] = {"url": base_url, "key": org.key, "__name__": "sample", **received()}
    exec("from openai import OpenAI", given)
    exec(compile(here, name, "exec"), given)
    assert "insufficient" not in capsys.readouterr().out


def received() -> dict[str, object]:
    """A webhook as it arrives."""
    message = Message(
        org_id=1, event_id=1, kind=TEST, title="A test", body="", link="", facts={}, created_at=datetime.now(UTC)
    )
    secret, body = f"whsec_{b64encode(bytes(32)).decode()}", message.bytes("https://credits.test")
    parcel = Parcel(url="https://hooks.example", message=message, secrets=(secret,))
    return {"secret": secret, "body": body, "headers": signed(parcel, body)}


@pytest.mark.parametrize(("name", "block"), SHELL, ids=[f"{name}-{i}" for i, (name, _) in enumerate(SHELL)])
def test_every_request_answers_as_it_is_said_to(
    name: str, block: str, base_url: str, org: Organization, shop: Shop, tmp_path: Path
) -> None:
    with shop.organizations.database.transaction(org_id=org.org_id) as connection:
        connection.execute("INSERT INTO project (org_id, key, name) VALUES (%s, 'SHOP', 'Shop')", [org.org_id])
    reports = tmp_path / "target/surefire-reports"
    reports.mkdir(parents=True)
    (reports / "TEST-shop.xml").write_text(RESULTS)
    here = block.replace("http://127.0.0.1:8000", base_url).replace("tk_live_…", org.key)
    done = subprocess.run(
        ["bash", "-euc", SHOW_STATUS + here], env={**os.environ, "URL": base_url, "KEY": org.key}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = re.findall(r"^# (\d{3})\b", block, re.MULTILINE)
    assert (done.stdout.split(), done.stderr) == (said, ""), (tmp_path / "answer").read_text()


def test_the_client_is_its_folder_alone(tmp_path: Path) -> None:
    """Copied into a program elsewhere, it finds nothing of the product."""
    shutil.copytree(ROOT / "src/testkase_client", tmp_path / "testkase_client")
    code = "import sys, testkase_client; print(testkase_client.__file__, 'testkase' in sys.modules)"
    run = [sys.executable, "-P", "-c", code]
    done = subprocess.run(run, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "testkase_client/__init__.py"), "False"]


def test_every_endpoint_is_documented_and_no_other(base_url: str) -> None:
    paths = httpx.get(f"{base_url}/api/v1/openapi.json").json()["paths"]
    real = {re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1")) for path in paths}
    prose = re.sub(r"^```.*?^```", "", API, flags=re.MULTILINE | re.DOTALL)
    code = " ".join(re.findall(r"`([^`\n]+)`", prose))
    named = {
        re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1")) for path in re.findall(r"(?<= )(/[\w/{}:.-]+)", code)
    }
    assert real - named == set()
    assert named - real == {"/webhooks/razorpay", "/openai/v1"}
