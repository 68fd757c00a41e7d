"""Jobs that call models and may be run again at any time: generations, runs of reports, answers of chats.

A job is one interaction: one hold, one row of usage, charged once. A run that was killed leaves a hold that the next
run releases without a charge, so at most the run that finishes is paid for. `job` says what a feature brings along,
`carrying_out` does the rest, `rights` asks whether the person may still have it.
"""
