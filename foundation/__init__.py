"""What every room may know: faults, whole files and folders, run folders, worker pools, progress. Imports nothing."""
