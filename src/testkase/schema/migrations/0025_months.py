from django.db import migrations

from testkase.schema.ddl_migration import ddl_steps


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("testkase_schema", "0026_features"), ("testkase_schema", "0027_hot_path")]
    operations = [ddl_steps("0025_months")]
