"""The simulated stand-in: painted scrolls with known latent quality, and simulated experts."""
