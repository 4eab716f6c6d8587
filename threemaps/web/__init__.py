"""The page. What draws it is in `app`, which the process loads when somebody looks."""

# Each open page holds a thread of the server for its live updates.
MOST_STREAMS = 24
