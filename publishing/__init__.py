"""Publishing on the Hub: what belongs into a repo, what would change there, the upload, and loading it back."""
