"""AI reports (R1, R67): facts by SQL and plain code, a short text about them by the model, its figures written by code.

`facts` computes, `narrative` asks for the text and judges it, `requests` is for the pages, `run` is the job, and
`schedules` starts runs by the clock. Nothing is imported here, as in generation.
"""
