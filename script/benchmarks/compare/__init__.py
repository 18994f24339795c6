"""Perigee beside nginx, Varnish, Traffic Server, HAProxy, H2O and Squid, on the same work. bench/compare has their configurations."""
