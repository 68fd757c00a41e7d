"""Django's registration of the schema: its migration framework is the runner, its ORM is not used here."""

from django.apps import AppConfig


class SchemaConfig(AppConfig):
    name = "testkase.schema"
    label = "testkase_schema"
    verbose_name = "Schema"
