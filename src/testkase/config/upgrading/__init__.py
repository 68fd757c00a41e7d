"""How a database comes to the schema of this code, and who may start on which schema."""
