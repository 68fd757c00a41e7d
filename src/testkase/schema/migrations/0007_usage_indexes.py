from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0006_people")]
    operations = [ddl("0007_usage_indexes")]
