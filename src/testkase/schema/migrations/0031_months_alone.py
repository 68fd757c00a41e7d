from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0030_restores")]
    operations = [ddl("0031_months_alone")]
