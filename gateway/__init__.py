"""The service as other systems see it: commands and views, and two thin faces of them, REST and gRPC."""
