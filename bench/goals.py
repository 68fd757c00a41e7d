"""What the measured figures are meant to be, judged against the same run (docs/performance.md)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.figures import Figures, Results
from bench.growth import Growth
from bench.journal import Journal
from bench.limit import CLIENTS, SETWISE_CLIENTS
from bench.measure import Result
from bench.memory import Memory


@dataclass(frozen=True, slots=True)
class Judged:
    """A goal, what was measured, and whether that is enough. `cpu`: microseconds an operation, application and
    PostgreSQL."""

    aim: str
    measured: str
    met: bool
    cpu: str = ""


def row_lock_limit(results: Results, work: str, scope: str) -> float | None:
    """The best PostgreSQL did in this run with plain SQL and row locks, whatever the number of clients."""
    scripts = {"authorizes": ("statements", "authorize"), "pairs": ("pair",)}[work]
    rates = [
        results[key].rate for script in scripts for n in CLIENTS if (key := f"limit.{script}.{n}.{scope}") in results
    ]
    return max(rates, default=None)


def judge(figures: Figures) -> list[Judged]:
    """Every goal whose figures this run has."""
    results = figures.results
    judged = [
        *_rules(results), *_engine_of_few(results), *_engine_of_many(results), *_http(results), *_processes(results),
        *_gateway(results), *_memory(figures.memory), *_pages(figures.growth), *_journal(figures.journal),
    ]  # fmt: skip
    if (trips := figures.round_trips) is not None:
        judged.append(Judged("a lone authorize takes ≤ 3 round trips", f"{trips}", trips <= 3))
    if (seconds := figures.ready_seconds) is not None:
        judged.append(Judged("`make run`, warm, to ready ≤ 20 s", f"{seconds:.1f} s", seconds <= 20))
    return judged


def _rules(results: Results) -> Iterator[Judged]:
    if rules := results.get("rules.decide"):
        per_core = 1e6 / (rules.middle(lambda s: s.app_cpu) or 1e6)
        aim = "decide alone ≥ 100,000 operations/s of one core"
        yield Judged(aim, f"{per_core:,.0f}/s", per_core >= 100_000, _cpu(rules))


def _engine_of_few(results: Results) -> Iterator[Judged]:
    for scope, least in (("many", 2.0), ("hot", 8.0)):
        limit, ours = results.get(f"limit.pair.32.{scope}"), results.get(f"engine.pairs.32.{scope}")
        if limit and ours:
            yield _ratio(
                f"engine, pair, {scope}, 32 callers ≥ {least:g} × pgbench's pair at 32 clients", ours, limit, least
            )
    alone, limit_alone = results.get("engine.pairs.1.many"), results.get("limit.pair.1.many")
    if alone and limit_alone:
        ours_ms, theirs_ms = alone.middle(lambda s: s.p50), limit_alone.middle(lambda s: s.p50)
        if ours_ms and theirs_ms:
            aim = "engine, pair, one caller ≤ 2 × the latency of pgbench's pair at one client"
            measured = f"{ours_ms / theirs_ms:.2f} × ({ours_ms:.2f} ms)"
            yield Judged(aim, measured, ours_ms <= 2 * theirs_ms, _cpu(alone))


def _engine_of_many(results: Results) -> Iterator[Judged]:
    for work, what in (("authorizes", "authorize"), ("pairs", "pair")):
        for scope, least in (("many", 1.0), ("hot", 4.0)):
            limit, ours = row_lock_limit(results, work, scope), results.get(f"engine.{work}.1024.{scope}")
            if limit and ours:
                aim = f"engine, {what}, {scope}, 1,024 callers ≥ {least:g} × PostgreSQL's row locks at their best"
                yield _ratio(aim, ours, limit, least)
    many, hot = results.get("engine.pairs.1024.many"), results.get("engine.pairs.1024.hot")
    setwise = results.get(f"limit.setwise.{SETWISE_CLIENTS}.many")
    if many and setwise:
        for least in (0.5, 0.8):
            aim = f"engine, pair, many, 1,024 callers ≥ {least:g} × 500 pairs at once in plain SQL"
            yield _ratio(aim, many, setwise, least)
    if many and hot:
        yield _ratio("engine, pair, 1,024 callers: hot ≥ many", hot, many, 1.0)


def _http(results: Results) -> Iterator[Judged]:
    for scope in ("many", "hot"):
        if single := results.get(f"http.single.{scope}"):
            cpu = (single.middle(lambda s: s.app_cpu) or 0.0) / 2
            aim = f"HTTP, single, {scope}: ≥ 1,000 pairs/s"
            yield Judged(aim, f"{single.rate:,.0f}/s", single.rate >= 1000, _cpu(single))
            aim = f"HTTP, single, {scope}: ≤ 450 µs of app CPU a request"
            yield Judged(aim, f"{cpu:,.0f} µs", cpu <= 450, _cpu(single))
        batches, engine = results.get(f"http.batches.{scope}"), results.get(f"engine.pairs.1024.{scope}")
        if batches and engine:
            aim = f"HTTP, batches of 500, {scope} ≥ 0.6 × the engine's pairs at 1,024 callers"
            yield _ratio(aim, batches, engine, 0.6)


def _processes(results: Results) -> Iterator[Judged]:
    for scope, where in (("hot", "on one hot organization"), ("many", "over many organizations")):
        one, two = results.get(f"http.single.{scope}"), results.get(f"http.two.{scope}")
        if one and two:
            yield _ratio(f"two neighbours {where} ≥ one process, books exact to the last micro-credit", two, one, 1.0)
            ours, alone = _both(two), _both(one)
            aim = f"two neighbours {where}: CPU of a pair, all of it, ≤ 1.1 × one process's"
            yield Judged(aim, f"{ours:,.0f} against {alone:,.0f} µs", ours <= 1.1 * alone, _cpu(two))


def _gateway(results: Results) -> Iterator[Judged]:
    for kind, what in (("whole", "whole answer"), ("stream", "stream")):
        through, direct = results.get(f"gateway.gateway.{kind}.1"), results.get(f"gateway.direct.{kind}.1")
        if through and direct:
            ours, theirs = through.middle(lambda s: s.p50), direct.middle(lambda s: s.p50)
            if ours is not None and theirs is not None:
                aim = f"gateway, {what}, one caller: ≤ 3 ms p50 added"
                yield Judged(aim, f"{ours - theirs:.2f} ms", ours - theirs <= 3, _cpu(through))
    ours_16, theirs_16 = results.get("gateway.gateway.whole.16"), results.get("gateway.LiteLLM.whole.16")
    if ours_16 and theirs_16:
        yield _ratio("gateway, whole answer, 16 callers ≥ 10 × LiteLLM", ours_16, theirs_16, 10.0)


def _memory(memory: Sequence[Memory]) -> Iterator[Judged]:
    if not memory:
        return
    first, last = memory[0], memory[-1]
    yield Judged("memory of the app, idle ≤ 200 MB", f"{first.megabytes:.0f} MB", first.megabytes <= 200)
    aim = f"memory after {last.calls:,} calls ≤ 300 MB"
    yield Judged(aim, f"{last.megabytes:.0f} MB", last.megabytes <= 300)
    if len(memory) > 2:
        warm = memory[1]
        growth = last.megabytes - warm.megabytes
        aim = f"gateway and API: no growth of memory from {warm.calls:,} to {last.calls:,} calls (≤ 10 MB)"
        yield Judged(aim, f"{growth:+.1f} MB", growth <= 10)


def _pages(growth: Growth | None) -> Iterator[Judged]:
    if growth is None:
        return
    name, ratio = growth.worst
    aim = f"pages and lists: ≤ 1.3 × from {growth.short:,} to {growth.long:,} interactions"
    yield Judged(aim, f"{ratio:.2f} × ({name})", ratio <= 1.3)
    page = growth.medians["page"][1]
    yield Judged(f"AI Credits page over {growth.long:,} ≤ 100 ms of server time", f"{page:.0f} ms", page <= 100)


def _journal(journal: Journal | None) -> Iterator[Judged]:
    if journal is None:
        return
    of = f"{journal.entries:,} entries"
    cpu = f"{journal.recomputing_cpu / journal.entries * 1e6:.1f}"
    yield Judged(f"add up all balances from {of} ≤ 5 s", f"{journal.recomputing:.1f} s", journal.recomputing <= 5, cpu)
    cpu = f"{journal.verifying_cpu / journal.entries * 1e6:.1f}"
    yield Judged(f"verify the chain of {of} ≤ 30 s", f"{journal.verifying:.1f} s", journal.verifying <= 30, cpu)


def _ratio(aim: str, ours: Result, theirs: Result | float, least: float) -> Judged:
    """On a machine busy with other work PostgreSQL may not finish a single pair in a run."""
    rate, limit = ours.rate, theirs if isinstance(theirs, float) else theirs.rate
    cpu = _cpu(ours) if isinstance(theirs, float) else f"{_cpu(ours)} : {_cpu(theirs)}"
    if not limit:
        return Judged(aim, f"{rate:,.0f}/s against none", rate > 0, cpu)
    return Judged(aim, f"{rate / limit:.2f} × ({rate:,.0f}/s against {limit:,.0f}/s)", rate >= least * limit, cpu)


def _cpu(result: Result) -> str:
    figures = (result.middle(lambda s: s.app_cpu), result.middle(lambda s: s.database_cpu))
    return " + ".join(f"{each:,.0f}" for each in figures if each is not None)


def _both(result: Result) -> float:
    return (result.middle(lambda s: s.app_cpu) or 0.0) + (result.middle(lambda s: s.database_cpu) or 0.0)
