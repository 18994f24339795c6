"""Real processes on loopback for the tests of the system ring: perigee nodes, origins, nginx, load.

    from harness import main

    def test_a_hit_is_served_from_memory(system):
        origin = system.origin(directory)
        node = system.node(origin)
        ...

    if __name__ == "__main__":
        main(globals())

Each test gets a System of its own: a temporary folder and the processes that it starts in it. When the test ends the
System stops exactly those processes, and then asserts of each one that it lived until then, that it ended with status 0
on SIGTERM, that it wrote no sanitizer report and no error-level line that the test did not announce, and that its descriptors
were back to what they were when it became ready.
"""
from .runner import main
from .system import System
from .wait import until

__all__ = ["System", "main", "until"]
