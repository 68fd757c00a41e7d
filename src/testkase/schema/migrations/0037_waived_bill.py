from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0036_days_by_key")]
    operations = [ddl("0037_waived_bill")]
