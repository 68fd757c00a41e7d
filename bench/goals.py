"""What the measured figures are meant to be, judged against the same run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.limit import CLIENTS
from bench.measure import Result
from bench.memory import Memory

Results = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Judged:
    """A goal, what was measured, and whether that is enough."""

    aim: str
    measured: str
    met: bool


def row_lock_limit(results: Results, work: str, scope: str) -> float | None:
    """The best PostgreSQL did in this run with plain SQL and row locks, whatever the number of clients."""
    scripts = {"authorizes": ("statements", "authorize"), "pairs": ("pair",)}[work]
    rates = [
        results[key].rate for script in scripts for n in CLIENTS if (key := f"limit.{script}.{n}.{scope}") in results
    ]
    return max(rates, default=None)


def judge(results: Results, memory: Sequence[Memory], round_trips: int | None) -> list[Judged]:
    """Every goal whose figures this run has."""
    judged = [*_engine(results), *_http(results), *_gateway(results), *_memory(memory)]
    if round_trips is not None:
        judged.append(Judged("a lone authorize takes ≤ 3 round trips", f"{round_trips}", round_trips <= 3))
    return judged


def _engine(results: Results) -> list[Judged]:
    judged = []
    for work, what in (("authorizes", "authorize"), ("pairs", "pair")):
        for scope, least in (("many", 1.0), ("hot", 4.0)):
            limit, ours = row_lock_limit(results, work, scope), results.get(f"engine.{work}.512.{scope}")
            if limit and ours:
                aim = f"engine, {what}, {scope}, 512 callers ≥ {least:g} × PostgreSQL's row locks at their best"
                judged.append(_ratio(aim, ours.rate, limit, least))
    for scope, least in (("many", 2.0), ("hot", 8.0)):
        limit_32, ours_32 = results.get(f"limit.pair.32.{scope}"), results.get(f"engine.pairs.32.{scope}")
        if limit_32 and ours_32:
            aim = f"engine, pair, {scope}, 32 callers ≥ {least:g} × pgbench's pair at 32 clients"
            judged.append(_ratio(aim, ours_32.rate, limit_32.rate, least))
    alone, limit_alone = results.get("engine.pairs.1.many"), results.get("limit.pair.1.many")
    if alone and limit_alone:
        ours_ms, theirs_ms = alone.middle(lambda s: s.p50), limit_alone.middle(lambda s: s.p50)
        if ours_ms and theirs_ms:
            aim = "engine, pair, one caller ≤ 2 × the latency of pgbench's pair at one client"
            judged.append(Judged(aim, f"{ours_ms / theirs_ms:.2f} × ({ours_ms:.2f} ms)", ours_ms <= 2 * theirs_ms))
    return judged


def _http(results: Results) -> list[Judged]:
    judged = []
    for scope in ("many", "hot"):
        if single := results.get(f"http.single.{scope}"):
            cpu = single.middle(lambda s: s.app_cpu) or 0.0
            aim = f"HTTP, single, {scope}: ≥ 1,000 pairs/s"
            judged.append(Judged(aim, f"{single.rate:,.0f}/s", single.rate >= 1000))
            aim = f"HTTP, single, {scope}: ≤ 450 µs of app CPU a request"
            judged.append(Judged(aim, f"{cpu / 2:,.0f} µs", cpu / 2 <= 450))
        batches, engine = results.get(f"http.batches.{scope}"), results.get(f"engine.pairs.512.{scope}")
        if batches and engine:
            aim = f"HTTP, batches of 500, {scope} ≥ 0.6 × the engine's pairs at 512 callers"
            judged.append(_ratio(aim, batches.rate, engine.rate, 0.6))
    return judged


def _gateway(results: Results) -> list[Judged]:
    judged = []
    for kind, what in (("whole", "whole answer"), ("stream", "stream")):
        through, direct = results.get(f"gateway.gateway.{kind}.1"), results.get(f"gateway.direct.{kind}.1")
        if through and direct:
            ours, theirs = through.middle(lambda s: s.p50), direct.middle(lambda s: s.p50)
            if ours is not None and theirs is not None:
                aim = f"gateway, {what}, one caller: ≤ 3 ms p50 added"
                judged.append(Judged(aim, f"{ours - theirs:.2f} ms", ours - theirs <= 3))
    return judged


def _memory(memory: Sequence[Memory]) -> list[Judged]:
    if not memory:
        return []
    first, last = memory[0], memory[-1]
    judged = [
        Judged("memory of the app, idle ≤ 200 MB", f"{first.megabytes:.0f} MB", first.megabytes <= 200),
        Judged(f"memory after {last.calls:,} calls ≤ 300 MB", f"{last.megabytes:.0f} MB", last.megabytes <= 300),
    ]
    if len(memory) > 2:
        warm = memory[1]
        growth = last.megabytes - warm.megabytes
        aim = f"no growth from {warm.calls:,} to {last.calls:,} calls (≤ 10 MB)"
        judged.append(Judged(aim, f"{growth:+.1f} MB", growth <= 10))
    return judged


def _ratio(aim: str, ours: float, theirs: float, least: float) -> Judged:
    """On a machine busy with other work PostgreSQL may not finish a single pair in a run."""
    if not theirs:
        return Judged(aim, f"{ours:,.0f}/s against none", ours > 0)
    return Judged(aim, f"{ours / theirs:.2f} × ({ours:,.0f}/s against {theirs:,.0f}/s)", ours >= least * theirs)
