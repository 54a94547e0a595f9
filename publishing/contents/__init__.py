"""What belongs into a repo, one file per kind of thing that is published."""
