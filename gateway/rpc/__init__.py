"""The gRPC face: reads protos into commands and answers what they answer. Decides nothing, knows nothing of HTTP."""
