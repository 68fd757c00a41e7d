\set org random(:first, :last)
\set id random(1, 9000000000000000000)
SELECT bench.authorize(:org, :id::text, 10000);
