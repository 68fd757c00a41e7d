"""What every floor may use: clock, ids, problems, settings values, logging and the way to the database."""
