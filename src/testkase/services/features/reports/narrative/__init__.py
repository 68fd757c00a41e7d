"""The model's part of a report: a short text about facts it is given as data, judged before anybody sees it."""
