from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0029_known_heads")]
    operations = [ddl("0032_closed_days")]
