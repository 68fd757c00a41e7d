"""The chat assistant (R1): questions about one project, answered from its own data by a model that may only look.

`operations` and `asking` are for the pages, `run` is the job, `tools` is what a model may look up and as whom,
`markdown` is the only way an answer becomes HTML.
"""
