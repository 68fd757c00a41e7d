"""The database as code: DDL in .sql files, one migration for each, and the checks that its isolation holds."""
