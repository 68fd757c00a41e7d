from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0010_notifications")]
    operations = [ddl("0011_statements")]
