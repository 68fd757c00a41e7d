from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0032_closed_days")]
    operations = [ddl("0033_lone_commands")]
