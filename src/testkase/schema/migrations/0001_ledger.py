from django.db import migrations

from testkase.schema.ddl_migration import ddl


class Migration(migrations.Migration):
    dependencies: list[tuple[str, str]] = []
    operations = [ddl("0001_ledger")]
