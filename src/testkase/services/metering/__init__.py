"""Metering (P17): estimate → hold for the most a call can cost → call the model → settle what it really used."""
