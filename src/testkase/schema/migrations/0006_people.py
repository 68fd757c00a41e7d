from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0005_ledger_functions")]
    operations = [ddl("0006_people")]
