from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0037_waived_bill")]
    operations = [ddl("0038_webhooks")]
