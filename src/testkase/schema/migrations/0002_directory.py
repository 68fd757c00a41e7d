from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0001_ledger"), ("organizations", "0001_initial")]
    operations = [ddl("0002_directory")]
