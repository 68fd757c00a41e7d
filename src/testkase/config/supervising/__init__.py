"""`make run`: every process of the product started, watched and stopped as one."""
