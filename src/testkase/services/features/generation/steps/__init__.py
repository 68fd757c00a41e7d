"""Further steps for one test case: suggested beside those it has, and taken over one by one."""
