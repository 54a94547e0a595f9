"""What a run needs: shapes, FLOPs, memory, hours."""
