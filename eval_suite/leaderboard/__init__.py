"""The leaderboard: submissions and their checks, the log, and the board that is built from it."""
