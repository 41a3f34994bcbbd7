"""The service run until it is told to stop."""

from __future__ import annotations

from vitrail.service.http.options import ServiceOptions


def serve(options: ServiceOptions) -> None:
    """Serve until SIGINT or SIGTERM; requests that are under way are answered first.

    Args:
        options: what is served, and how.

    Raises:
        CollectionError: a collection is missing, damaged or of a newer format.
    """
    import uvicorn

    from vitrail.service.http.app import create_app

    server = uvicorn.Server(
        uvicorn.Config(
            create_app(options),
            host=options.host,
            port=options.port,
            log_level="warning",
            timeout_graceful_shutdown=10,
            server_header=False,
        )
    )
    server.run()
