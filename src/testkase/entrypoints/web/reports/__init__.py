"""AI reports for people: asking for them, watching them being written, reading them on the page and on paper."""
