from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0007_usage_indexes")]
    operations = [ddl("0008_budgets")]
