"""Lets Django know of `invitation`; the table is made by the schema's own migrations."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("hash", models.BinaryField(primary_key=True, serialize=False)),
                ("invitation_id", models.TextField(unique=True)),
                ("email", models.TextField()),
                ("role", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "invitation", "managed": False},
        ),
    ]
