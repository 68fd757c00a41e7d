from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0039_cancelled_generation")]
    operations = [ddl("0040_receipt_of_payment")]
