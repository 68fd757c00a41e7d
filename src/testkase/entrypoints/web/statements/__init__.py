"""Monthly statements for people: the page, the CSV and the PDF, all made of the same lines (B12)."""
