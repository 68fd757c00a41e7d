from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0033_lone_commands")]
    operations = [ddl("0034_counted_back")]
