"""The hunt: each mutant in a copy of the source, and slices of campaigns after it until one of them finds something."""

import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.fast_cluster import fast_cluster
from campaigns.mutants.mutant import SOURCE, Mutant, Stale
from campaigns.mutants.of_debts import OF_DEBTS
from campaigns.mutants.of_guards import OF_GUARDS
from campaigns.mutants.of_limits import OF_LIMITS
from campaigns.mutants.of_memory import OF_MEMORY
from campaigns.mutants.of_neighbours import OF_NEIGHBOURS
from campaigns.mutants.of_payments import OF_PAYMENTS
from campaigns.mutants.of_spending import OF_SPENDING
from campaigns.mutants.of_the_database import OF_THE_DATABASE
from campaigns.mutants.of_time import OF_TIME
from campaigns.mutants.slices import WITHOUT_A_DATABASE
from campaigns.outcome import Outcome
from campaigns.report import ROOT
from tests.support.cluster import Cluster, TestDatabase

MUTANTS: tuple[Mutant, ...] = (
    *OF_SPENDING,
    *OF_TIME,
    *OF_DEBTS,
    *OF_LIMITS,
    *OF_THE_DATABASE,
    *OF_MEMORY,
    *OF_NEIGHBOURS,
    *OF_GUARDS,
    *OF_PAYMENTS,
)
SANE = Mutant("sane", "nothing is wrong", (), ())
_PATIENCE_SECONDS = 300
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Catch:
    """Which campaign found a mutant, and what it said. Nobody: it survived."""

    mutant: Mutant
    by: str | None
    said: str


class Ground:
    """Where mutants are hunted: a server, where one is needed, and a copy of the source for each."""

    def __init__(self, cluster: Cluster | None) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()

    @contextmanager
    def tree(self, mutant: Mutant) -> Iterator[Path]:
        """A copy of src with the mistake in it. Raises Stale."""
        with tempfile.TemporaryDirectory(prefix="testkase-mutant-") as folder:
            tree = Path(folder) / "src"
            shutil.copytree(SOURCE, tree, symlinks=True)
            mutant.plant(tree)
            yield tree

    def databases(self, mutant: Mutant, tree: Path) -> list[TestDatabase]:
        """Two, made by the mutant's migrations where these are what is wrong."""
        assert self._cluster is not None
        with self._lock:  # copying a template must be alone with it
            if not any(patch.file.startswith("schema/") for patch in mutant.patches):
                return [self._cluster.fresh(), self._cluster.fresh()]
            made = self._cluster.template(f"mutant_{next(_NUMBERS)}", PYTHONPATH=str(tree))
            return [self._cluster.copy(made), self._cluster.copy(made)]


def hunted(ground: Ground, mutant: Mutant, slices: Sequence[str]) -> Catch:
    """Plant it and hunt it."""
    try:
        with ground.tree(mutant) as tree:
            for name in slices:
                databases = [] if name in WITHOUT_A_DATABASE else ground.databases(mutant, tree)
                if (found := _found(tree, name, databases)) is not None:
                    return Catch(mutant, name, found)
    except Stale as stale:
        return Catch(mutant, None, f"is stale: {stale}")
    except RuntimeError as error:  # the database itself would not have it
        return Catch(mutant, "migrate, which refuses", str(error).strip().splitlines()[-1])
    return Catch(mutant, None, "survived")


def _found(tree: Path, name: str, databases: Sequence[TestDatabase]) -> str | None:
    """What one slice says of the source in `tree`; None: nothing."""
    environ = {
        **os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{ROOT}", "PYTHONHASHSEED": "0",
        "MUTANT_DATABASES": json.dumps([asdict(database) for database in databases]),
    }  # fmt: skip
    asked = [sys.executable, "-m", "campaigns.mutants.slices", name]  # its source is the mutant's
    try:
        done = subprocess.run(
            asked, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "does not end"
    if done.returncode == 0:
        return None
    return (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]


def hunt(mutants: Sequence[Mutant], *, seed: int, processes: int | None = None, tick: Tick = unheard) -> Outcome:
    """All of them, after every slice has shown that it finds nothing where nothing is wrong."""
    outcome, caught = Outcome("mutants", seed), list[Catch]()
    wanted = sorted({name for mutant in mutants for name in mutant.hunted_by})
    with ExitStack() as stack:
        # On this thread: a server dies with the thread that began it.
        ground = Ground(None if set(wanted) <= WITHOUT_A_DATABASE else stack.enter_context(fast_cluster()))
        hunters = stack.enter_context(ThreadPoolExecutor(processes or os.cpu_count()))
        for catch in hunters.map(lambda name: hunted(ground, SANE, [name]), wanted):
            if catch.by is not None:
                outcome.faults.append(f"{catch.by} finds a fault without a mutant: {catch.said}")
        for catch in hunters.map(lambda mutant: hunted(ground, mutant, mutant.hunted_by), mutants):
            caught.append(catch)
            tick(len(caught))
    outcome.faults += [f"{catch.mutant.name} {catch.said}" for catch in caught if catch.by is None]
    outcome.figures = {
        "mutants": len(mutants), "caught": sum(catch.by is not None for catch in caught), "campaigns": len(wanted),
    }  # fmt: skip
    outcome.table = table(caught)
    return outcome


def table(caught: Sequence[Catch]) -> str:
    """Mutant × the campaign that caught it."""
    rows = [
        f"| {catch.mutant.name} | {catch.mutant.what} | `{catch.mutant.files}` | {catch.by or '**nobody**'} |"
        for catch in caught
    ]
    return "\n".join(["| Mutant | What is wrong | Where | Caught by |", "|---|---|---|---|", *rows])


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """All of them, or so many drawn at random."""
    chosen = MUTANTS if size >= len(MUTANTS) else random.Random(seed).sample(MUTANTS, size)
    return hunt(chosen, seed=seed, tick=tick)


MUTATED = Campaign(
    name="mutants", about="mistakes planted one at a time in rules, SQL and payments: some campaign finds each",
    counts="mutants", full=len(MUTANTS), small=12, run=run,
)  # fmt: skip
