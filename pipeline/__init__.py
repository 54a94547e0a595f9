"""The steps composed: the protocol, the stand-in run, own images; their figures, report and plots."""
