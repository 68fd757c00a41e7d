"""The rules of the product as plain values and pure functions: no framework, no I/O."""
