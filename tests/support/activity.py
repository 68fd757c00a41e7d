"""A long activity history, written set-wise by the database's owner; its hashes are no chain."""

from typing import Any

import psycopg

RARE_ACTOR = "rare@example.com"

_ROWS = """
INSERT INTO activity (org_id, seq, at, event_id, category, action, actor_kind, actor_ref, actor_name, target, project,
                      use_case, details, hash)
SELECT %(org_id)s, n, %(start)s + n * %(step)s, 'event-' || n,
       (ARRAY['people', 'money', 'settings', 'people', 'keys', 'people', 'people'])[1 + n %% 7], 'member.role_changed',
       'person', CASE WHEN n %% 5000 = 17 THEN %(rare)s ELSE 'user' || n %% 20 || '@example.com' END, 'Somebody',
       'Ben', (ARRAY['', 'SHOP', 'CRM'])[1 + n %% 3], CASE WHEN n %% 50 = 0 THEN 'chat' ELSE '' END,
       '{"from": "member", "to": "admin"}', decode(repeat('00', 32), 'hex')
FROM generate_series(1::bigint, %(rows)s::bigint) AS n
"""
_HEAD = """
INSERT INTO activity_head (org_id, seq, at, hash)
SELECT org_id, seq, at, hash FROM activity WHERE org_id = %(org_id)s AND seq = %(rows)s
"""


def write_activity(owner: psycopg.Connection[Any], org_id: int, rows: int, *, start: int, step: int) -> None:
    """So many changes, one every `step` microseconds after `start`: 20 people, 2 projects and none, every category."""
    values = {"org_id": org_id, "rows": rows, "start": start, "step": step, "rare": RARE_ACTOR}
    owner.execute(_ROWS, values)
    owner.execute(_HEAD, values)
