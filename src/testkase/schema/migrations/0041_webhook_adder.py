from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0040_receipt_of_payment")]
    operations = [ddl("0041_webhook_adder")]
