"""The small model's part of an answer: one sentence about what was found, judged before anybody sees it.

Code looks things up and writes every figure. The model is told one finding, in our words and without a figure, a title
or the question, and says what to do about it; what it says may hold no word that such advice does not need.
"""
