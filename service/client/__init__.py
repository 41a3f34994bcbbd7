"""The service's client: for programs, and for the command line where it asks a service."""
