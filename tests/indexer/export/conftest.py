"""One cache folder for these tests, one thread, and compiling in this process."""

from tests.indexer.encoders.conftest import _cache, _one_thread, compile_here, shared_cache

__all__ = ["_cache", "_one_thread", "compile_here", "shared_cache"]
