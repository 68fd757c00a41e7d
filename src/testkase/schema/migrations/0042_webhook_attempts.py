from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0041_webhook_adder")]
    operations = [ddl("0042_webhook_attempts")]
