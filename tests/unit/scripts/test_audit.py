"""The audit of what the product is made of finds what it looks for, and takes silence for no answer."""

import importlib.util
import sys
from email.message import Message
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]
HASH = "--hash=sha256:" + "a" * 64


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts/audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


audit: Any = loaded()


class Told:
    """A distribution of which only the metadata is known."""

    def __init__(self, **fields: str | list[str]) -> None:
        self.metadata = Message()
        for name, value in fields.items():
            for one in [value] if isinstance(value, str) else value:
                self.metadata[name.replace("_", "-")] = one


def locks(folder: Path, text: str) -> list[str]:
    for name in audit.LOCKS:
        (folder / name).write_text(text)
    faults: list[str] = audit.read_locks(folder)[1]
    return faults


def test_the_lock_files_of_the_product_are_right() -> None:
    entries, faults = audit.read_locks(ROOT)
    assert faults == []
    assert len(entries) > 100
    assert audit.denied_faults(entries) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("one==1.0\n", "has no hash"),
        ("one==1.0 \\\n    --hash=md5:abc\n", "no SHA-256"),
        (f"one>=1.0 \\\n    {HASH}\n", "no exact version"),
        (f"one @ https://somewhere.example/one.whl \\\n    {HASH}\n", "names an address"),
        (f"--index-url https://somewhere.example/simple\none==1.0 \\\n    {HASH}\n", "an option"),
        (f"-e .\none==1.0 \\\n    {HASH}\n", "an option"),
    ],
)
def test_what_a_lock_file_may_not_have_is_found(tmp_path: Path, text: str, fault: str) -> None:
    assert any(fault in one for one in locks(tmp_path, text))


def test_one_package_in_two_versions_is_found(tmp_path: Path) -> None:
    assert locks(tmp_path, f"one==1.0 \\\n    {HASH}\n") == []
    (tmp_path / audit.LOCKS[0]).write_text(f"one==2.0 \\\n    {HASH}\n")
    assert audit.read_locks(tmp_path)[1] == ["one is locked as 1.0 and 2.0"]


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"License_Expression": "MIT"}, True),
        ({"License_Expression": "GPL-3.0-only OR MIT"}, True),
        ({"License_Expression": "GPL-3.0-only AND MIT"}, False),
        ({"License": "Apache 2.0"}, True),
        ({"License": "Ask us", "Classifier": "License :: OSI Approved :: BSD License"}, True),
        ({"Classifier": ["License :: OSI Approved :: MIT License", "License :: Other/Proprietary License"]}, False),
        ({"License": "AGPL-3.0"}, False),
        ({}, False),
    ],
)
def test_a_licence_is_allowed_only_by_name(fields: dict[str, Any], allowed: bool) -> None:
    assert (audit.licence_faults({"one": Told(**fields)}) == []) is allowed


def test_unwanted_packages_are_found_in_any_lock(tmp_path: Path) -> None:
    locks(tmp_path, f"litellm==1.0 \\\n    {HASH}\n")
    assert len(audit.denied_faults(audit.read_locks(tmp_path)[0])) == len(audit.LOCKS)


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.Response(200, text="<html>"), None])
def test_where_nobody_can_be_asked_the_audit_says_so(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | None
) -> None:
    def post(url: str, **_: object) -> httpx.Response:
        if answer is None:
            raise httpx.ConnectTimeout("nobody there")
        answer.request = httpx.Request("POST", url)
        return answer

    monkeypatch.setattr(audit.httpx, "post", post)
    assert "NOT looked up" in audit.look_up([])


def test_an_advisory_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def post(url: str, json: dict[str, Any], **_: object) -> httpx.Response:
        results = [{"vulns": [{"id": "GHSA-1"}]} if one["version"] == "1.0" else {} for one in json["queries"]]
        return httpx.Response(200, json={"results": results}, request=httpx.Request("POST", url))

    monkeypatch.setattr(audit.httpx, "post", post)
    entries = [audit.Locked(name=name, version=version, lock="x") for name, version in (("old", "1.0"), ("new", "2.0"))]
    assert audit.look_up(entries) == ["old 1.0: GHSA-1"]
