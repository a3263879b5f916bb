"""What callers may have done, whatever the protocol: one class for each noun, raising domain errors only."""
