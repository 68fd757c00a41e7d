"""What models are told. Questions, answers and test cases are data beside it."""
