"""What a report finds, computed: the history of a project read by SQL, and five pure functions over it.

The same history always makes the same facts; no model has a part in them.
"""
