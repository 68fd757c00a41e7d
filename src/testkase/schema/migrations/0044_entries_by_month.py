from django.db import migrations

from testkase.schema.ddl_migration import ddl_steps


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("testkase_schema", "0043_operations")]
    operations = [ddl_steps("0044_entries_by_month")]
