"""The ways of asking: every kind of statement with which rows are read or changed.

`{t}` is the table, `{u}` another one, `{neighbour}` and `{own}` the organizations. A changing form aims at the
neighbour's rows or makes one of theirs. What each answers says how its answer is judged.
"""

from dataclasses import dataclass
from typing import Literal

Answer = Literal["rows", "count", "proof", "words", "plan", "copy", "changed", "copied in", "done"]
"""`rows`, `copy`: rows of the table. `count`, `plan`: how many there are. `proof`: an answer above nothing says that
there are some of the neighbour's. `words`: always something. `changed`, `copied in`: how many were. `done`: its success
is the fault."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way. `first`: statements that must succeed before it."""

    name: str
    sql: str
    answer: Answer
    first: tuple[str, ...] = ()

    @property
    def reads(self) -> bool:
        """Nothing of it has to last."""
        return self.answer in ("rows", "count", "proof", "words", "plan", "copy") and not self.sql.startswith("DELETE")

    @property
    def shows(self) -> bool:
        """Whether it finds something in the right context, which shows that it is no blind try in a wrong one.
        PostgreSQL copies nothing into a table under row security: that works only where there is a hole."""
        return self.answer not in ("words", "done", "copied in") and self.name not in ("update others", "give away")


_LEAK = """
CREATE FUNCTION pg_temp.leak(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
AS 'BEGIN RAISE NOTICE ''%'', t; RETURN true; END'
"""

FORMS: tuple[Form, ...] = (
    Form("select", "SELECT * FROM {t}", "rows"),
    Form("select theirs", "SELECT * FROM {t} WHERE org_id = {neighbour}", "rows"),
    Form("select any", "SELECT * FROM {t} WHERE org_id = {neighbour} OR true", "rows"),
    Form("select others", "SELECT * FROM {t} WHERE org_id <> {own}", "rows"),
    Form("table", "TABLE {t}", "rows"),
    Form("as text", "SELECT t::text FROM {t} AS t", "rows"),
    Form("as JSON", "SELECT json_agg(t)::text FROM {t} AS t HAVING count(*) > 0", "rows"),
    Form("as XML", "SELECT query_to_xml('SELECT * FROM {t}', true, false, '')::text", "words"),
    Form("only", "SELECT * FROM ONLY {t}", "rows"),
    Form("sample", "SELECT * FROM {t} TABLESAMPLE SYSTEM (100)", "rows"),
    Form("for update", "SELECT * FROM {t} FOR UPDATE", "rows"),
    Form("cursor", "FETCH ALL FROM c", "rows", ("DECLARE c CURSOR FOR SELECT * FROM {t}",)),
    Form("prepared", "EXECUTE p", "rows", ("DEALLOCATE ALL", "PREPARE p AS SELECT * FROM {t}")),
    Form("common table", "WITH x AS MATERIALIZED (SELECT * FROM {t}) SELECT * FROM x", "rows"),
    Form("inlined", "WITH x AS NOT MATERIALIZED (SELECT * FROM {t}) SELECT * FROM x WHERE org_id > {own}", "rows"),
    Form("union", "SELECT org_id FROM {t} UNION ALL SELECT org_id FROM {u}", "rows"),
    Form("join", "SELECT * FROM {t} AS a JOIN {u} AS b USING (org_id)", "rows"),
    Form("outer join", "SELECT a.* FROM (SELECT {neighbour} AS i) AS o JOIN {t} AS a ON a.org_id = o.i", "rows"),
    Form("lateral", "SELECT x.* FROM {u} AS b, LATERAL (SELECT * FROM {t} WHERE org_id = b.org_id) AS x", "rows"),
    Form("exists", "SELECT 1 WHERE EXISTS (SELECT FROM {t} WHERE org_id = {neighbour})", "proof"),
    Form("any", "SELECT 1 WHERE {neighbour} = ANY (SELECT org_id FROM {t})", "proof"),
    Form("window", "SELECT count(*) OVER () FROM {t} LIMIT 1", "count"),
    Form("count", "SELECT count(*) FROM {t}", "count"),
    Form("count filtered", "SELECT count(*) FILTER (WHERE org_id = {neighbour}) FROM {t}", "proof"),
    Form("maximum", "SELECT count(m) FROM (SELECT max(org_id) AS m FROM {t} WHERE org_id <> {own}) AS x", "proof"),
    Form("cast leak", "SELECT * FROM {t} AS t WHERE t::text::int = 1", "rows"),
    Form("function leak", "SELECT * FROM {t} AS t WHERE pg_temp.leak(t::text) AND org_id > {own}", "rows", (_LEAK,)),
    Form("temporary view", "SELECT * FROM leaky", "rows", ("CREATE TEMP VIEW leaky AS SELECT * FROM {t}",)),
    Form("temporary table", "SELECT * FROM taken", "rows", ("CREATE TEMP TABLE taken AS SELECT * FROM {t}",)),
    Form("statistics", "SELECT * FROM pg_stats WHERE {stats}", "words"),
    Form("explain", "EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) SELECT * FROM {t}", "plan"),
    Form("copy out", "COPY {t} TO STDOUT", "copy"),
    Form("copy query out", "COPY (SELECT * FROM {t} WHERE org_id = {neighbour}) TO STDOUT", "copy"),
    Form("update", "UPDATE {t} SET org_id = org_id WHERE org_id = {neighbour}", "changed"),
    Form("update others", "UPDATE {t} SET org_id = {own} WHERE org_id <> {own}", "changed"),
    Form("give away", "UPDATE {t} SET org_id = {neighbour} WHERE org_id = {own}", "changed"),
    Form("update from", "UPDATE {t} AS a SET org_id = a.org_id FROM {u} AS b WHERE b.org_id = a.org_id AND"
         " a.org_id = {neighbour}", "changed"),
    Form("delete", "DELETE FROM {t} WHERE org_id = {neighbour}", "changed"),
    Form("delete others", "DELETE FROM {t} WHERE NOT (org_id = {own})", "changed"),
    Form("delete using", "DELETE FROM {t} AS a USING {u} AS b WHERE a.org_id = b.org_id AND a.org_id = {neighbour}",
         "changed"),
    Form("delete returning", "DELETE FROM {t} WHERE org_id = {neighbour} RETURNING *", "rows"),
    Form("merge", "MERGE INTO {t} AS a USING (SELECT {neighbour} AS i) AS s ON a.org_id = s.i"
         " WHEN MATCHED THEN DELETE", "changed"),
    Form("insert", "INSERT INTO {t} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({row})", "changed"),
    Form("insert or nothing", "INSERT INTO {t} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({row})"
         " ON CONFLICT DO NOTHING", "changed"),
    Form("insert, made ours", "WITH x AS (INSERT INTO {t} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({row})"
         " RETURNING *) SELECT * FROM x", "rows"),
    Form("copy in", "COPY {t} ({columns}) FROM STDIN", "copied in"),
    Form("truncate", "TRUNCATE {t} CASCADE", "done"),
    Form("lift row security", "ALTER TABLE {t} DISABLE ROW LEVEL SECURITY", "done"),
    Form("another policy", "CREATE POLICY mine ON {t} USING (true)", "done"),
    Form("another owner", "ALTER TABLE {t} OWNER TO CURRENT_USER", "done"),
    Form("drop", "DROP TABLE {t} CASCADE", "done"),
)  # fmt: skip
