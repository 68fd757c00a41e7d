from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0038_webhooks")]
    operations = [ddl("0039_cancelled_generation")]
