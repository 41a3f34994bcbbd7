"""A collection for assistants: tools of the Model Context Protocol, which the API answers."""
