"""Reports by the clock (R67): each week, or when a cycle is finished; off until a project admin sets it up."""
