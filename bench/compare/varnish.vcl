# Varnish: its own defaults; what it does not store is only what the origin forbids.
vcl 4.1;

backend default {
  .host = "@ORIGIN_HOST@";
  .port = "@ORIGIN_PORT@";
}
