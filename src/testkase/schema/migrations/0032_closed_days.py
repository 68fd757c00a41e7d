from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0031_months_alone")]
    operations = [ddl("0032_closed_days")]
