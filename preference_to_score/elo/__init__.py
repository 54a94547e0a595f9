"""The Elo scale, sequential Elo, the reference pool's fit and the rating of newcomers against it."""
