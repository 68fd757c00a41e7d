"""Whoever edits what an account or a lot says of itself is found, whatever the column (B4, I12)."""

import psycopg
import pytest
from psycopg import sql

from testkase.core.ledger.verify import verify
from testkase.foundation.database import run
from tests.integration.billing.test_money_back import spend
from tests.support.shop import Shop

_CHANGED = {
    "bigint": "coalesce({}, 1) + 1", "integer": "{} + 1", "smallint": "{} + 1", "boolean": "NOT {}",
    "bytea": "sha256({})",
}  # fmt: skip
_TEXTS = {"source": "'grant'", "time_zone": "'Asia/Tokyo'", "reference": "'another'"}
_COLUMNS = (
    "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'ledger'"
    " AND table_name IN ('account', 'lot') AND is_generated = 'NEVER' AND column_name <> 'org_id'"
)


@pytest.mark.requirement("B4", "I12")
def test_no_column_of_account_and_lots_can_be_edited_unseen(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    refunded, disputed = shop.bought(org_id), shop.bought(org_id, "professional")
    spend(shop, org_id, 300)
    shop.provider.refund_by_hand(refunded.payment_id or "", 900)
    dispute = shop.provider.dispute(disputed.payment_id or "")
    shop.look(refunded)
    shop.look(disputed, dispute.dispute_id)
    assert shop.run(org_id, verify(org_id)) == []
    lots = [row["lot_id"] for row in shop.rows(org_id, "SELECT lot_id FROM ledger.lot")]
    tried = unseen = 0
    with psycopg.connect(shop.database.owner_url) as superuser:
        columns = superuser.execute(_COLUMNS).fetchall()
        for table, column, kind in columns:
            new = sql.SQL(_TEXTS.get(column) or _CHANGED[kind]).format(sql.Identifier(column))
            edit = sql.SQL("UPDATE ledger.{} SET {} = {} WHERE org_id = %s").format(
                sql.Identifier(table), sql.Identifier(column), new
            )
            for lot_id in lots if table == "lot" else [0]:
                which = sql.SQL(" AND lot_id = %s") if lot_id else sql.SQL(" AND %s = 0")
                superuser.execute(sql.SQL("ALTER TABLE ledger.{} NO FORCE ROW LEVEL SECURITY").format(
                    sql.Identifier(table)))  # fmt: skip
                try:
                    superuser.execute(edit + which, (org_id, lot_id))
                except psycopg.IntegrityError:
                    superuser.rollback()  # the table itself refuses
                    continue
                tried += 1
                unseen += not run(superuser, verify(org_id))
                superuser.rollback()
    assert (tried > 25, unseen) == (True, 0)
