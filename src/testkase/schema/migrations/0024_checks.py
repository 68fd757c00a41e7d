from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0022_generation")]
    operations = [ddl("0024_checks")]
