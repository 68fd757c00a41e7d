from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies = [("testkase_schema", "0034_counted_back")]
    operations = [ddl("0035_one_append")]
