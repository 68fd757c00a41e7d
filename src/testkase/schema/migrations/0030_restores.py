from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0028_rules_of_rows")]
    operations = [ddl("0030_restores")]
