from django.db import migrations

from testkase.schema.ddl_migration import ddl_steps


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("testkase_schema", "0025_months")]
    operations = [ddl_steps("0028_rules_of_rows")]
