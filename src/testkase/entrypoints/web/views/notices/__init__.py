"""What people are told: the bell, the banner, the settings of alerts, and the mailbox of a trial run."""
