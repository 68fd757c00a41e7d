\set drawn random(1, 9000000000000000)
SELECT bench.holds(array_agg(c.org_id), array_agg(c.id), 10000) FROM bench.calls(:drawn, 500, :first, :last) AS c;
SELECT bench.settlements(array_agg(c.org_id), array_agg(c.id), 10000) FROM bench.calls(:drawn, 500, :first, :last) AS c;
