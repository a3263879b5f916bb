"""The REST face: reads JSON into commands and answers what they answer. Decides nothing, knows nothing of gRPC."""
