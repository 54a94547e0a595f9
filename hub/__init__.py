"""Calls to the Hub that every room above may make: with patience, and with words for what fails."""
