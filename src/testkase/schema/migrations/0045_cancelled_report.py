from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0044_entries_by_month")]
    operations = [ddl("0045_cancelled_report")]
