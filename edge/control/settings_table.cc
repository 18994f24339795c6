#include "edge/control/settings_table.h"

#include <algorithm>
#include <array>

namespace perigee::control {
namespace {

using S = Section;
using T = SettingType;
constexpr bool needed = true;
constexpr bool optional = false;
constexpr Reload live = Reload::live;
constexpr Reload restart = Reload::restart;

constexpr int64_t KiB = 1 << 10;
constexpr int64_t MiB = 1 << 20;
constexpr int64_t GiB = 1 << 30;
constexpr int64_t second = 1000;
constexpr int64_t hour = 3600 * second;
constexpr int64_t day_s = 86400;

constexpr SectionInfo sections[] = {
    {S::node, "[node]", "node", false, false, S::node, "This node."},
    {S::listen, "[listen]", "listen", false, false, S::listen,
     "Where this node listens. With a topology the addresses come from there; one given here is bound "
     "instead, "
     "for nodes behind an address translation."},
    {S::cache, "[cache]", "cache", false, false, S::cache, "The store in memory, and request collapsing."},
    {S::limits, "[limits]", "limits", false, false, S::limits, "Limits of the client and peer listeners."},
    {S::timeouts, "[timeouts]", "timeouts", false, false, S::timeouts,
     "Times of the client and peer listeners, and of the shutdown."},
    {S::retries, "[retries]", "retries", false, false, S::retries,
     "When a request may be sent upstream again: idempotent methods only, never after content was consumed "
     "or a "
     "byte of the answer reached the client."},
    {S::peers, "[peers]", "peers", false, false, S::peers, "Exchanges with other nodes of the cluster."},
    {S::peers_tls, "[peers.tls]", "tls", false, false, S::peers,
     "Mutual TLS between nodes, on every node or on none. With it nodes prove who they are by certificates, "
     "and "
     "`cluster.peer_keys` is not needed. Whether there is such a table changes with a restart only."},
    {S::purge, "[purge]", "purge", false, false, S::purge,
     "Purges. `cluster.purge_log` of the topology names the node that puts them in order; a node alone does "
     "so "
     "itself."},
    {S::log, "[log]", "log", false, false, S::log, "Error log and access log, as JSON lines."},
    {S::admin, "[admin]", "admin", false, false, S::admin, "The admin listener."},
    {S::admin_tls, "[admin.tls]", "tls", false, false, S::admin,
     "TLS on the admin listener, beside the token. Whether there is such a table changes with a restart "
     "only."},
    {S::tls, "[tls]", "tls", false, false, S::tls, "TLS for clients."},
    {S::certificate, "[[certificate]]", "certificate", true, false, S::certificate,
     "A certificate for the hosts that it names. A host may have several of different key types. The first "
     "one is "
     "shown to clients that name no host, or an unknown one."},
    {S::origin, "[[origin]]", "origin", true, false, S::origin,
     "A group of origin servers with the same content."},
    {S::origin_server, "origin.servers", "servers", true, false, S::origin,
     "One server of a group, when written as a table instead of \"host:port\"."},
    {S::site, "[[site]]", "site", true, false, S::site,
     "Hosts that this node serves, and where their content is."},
    {S::site_cache, "[site.cache]", "cache", false, false, S::site, "What the cache may do for the site."},
    {S::site_rule, "[[site.rule]]", "rule", true, false, S::site,
     "An exception for paths; the first rule whose prefix matches applies."},
    {S::site_certificate, "[[site.certificate]]", "certificate", true, false, S::site,
     "A certificate for hosts of the site. A site with certificates of its own uses no others."},
    {S::cluster, "[cluster]", "cluster", false, true, S::cluster, "The cluster as a whole."},
    {S::cluster_key, "cluster.peer_keys", "peer_keys", true, true, S::cluster,
     "Secrets that authenticate peers to each other: one, or two while keys are changed. The first signs, "
     "both are "
     "accepted."},
    {S::region, "[[region]]", "region", true, true, S::region,
     "A region. May be left out altogether; then the regions that nodes name exist."},
    {S::topology_node, "[[node]]", "node", true, true, S::topology_node, "A node of the cluster."},
};

constexpr Setting settings[] = {
    {S::node, "name", T::name, "edge", optional, 0, 0, "", restart,
     "Name of this node; `--node` overrides it. With a topology it must be one of the topology's nodes."},
    {S::node, "cdn_id", T::name, "", optional, 0, 0, "", live,
     "What this CDN calls itself in CDN-Loop (RFC 8586); the same on all nodes of a cluster, different from "
     "other "
     "CDNs before or behind it. Empty: made from the cluster's membership, and the name of a node that is "
     "alone."},
    {S::node, "workers", T::integer, "0", optional, 0, 256, "", restart, "Worker threads; 0: one per core."},
    {S::node, "topology", T::file, "", optional, 0, 0, "", restart,
     "The topology file, the same on every node. Empty: this node is alone."},

    {S::listen, "client", T::address_list, "", optional, 0, 0, "", restart,
     "Addresses for clients. Required without a topology."},
    {S::listen, "tls", T::address_list, "", optional, 0, 0, "", restart,
     "Addresses for clients that speak TLS. They need a `[[certificate]]` or certificates of sites."},
    {S::listen, "http2_clear", T::boolean, "false", optional, 0, 0, "", restart,
     "Whether the `client` addresses understand HTTP/2 by prior knowledge, without TLS."},
    {S::listen, "peer", T::address, "", optional, 0, 0, "", restart,
     "Address for other nodes, behind the one the topology gives."},
    {S::listen, "admin", T::address, "127.0.0.1:9180", optional, 0, 0, "", restart,
     "Address of the admin pages. Beyond loopback it needs `admin.token_file`. With a topology there is no "
     "default."},
    {S::listen, "health", T::address, "", optional, 0, 0, "", restart,
     "Address that serves /healthz and /readyz only. Empty: none."},

    {S::cache, "budget", T::bytes, "256MiB", optional, MiB, 64 * 1024 * GiB, "", restart,
     "Memory for stored responses, their index, and fills under way."},
    {S::cache, "shards", T::integer, "16", optional, 1, 4096, "", restart,
     "Locks that insertions spread over; a power of two."},
    {S::cache, "eviction", T::choice, "s3_fifo_adaptive", optional, 0, 0,
     "s3_fifo|s3_fifo_adaptive|s3_fifo_sized|sieve|gdsf|lru", restart,
     "What leaves the store when room is needed; docs/PERFORMANCE.md has the hit ratios. `s3_fifo_sized` and "
     "`gdsf` answer more requests and fewer bytes from memory; `lru` takes a lock for each hit and is for "
     "comparisons."},
    {S::cache, "window", T::bytes, "4MiB", optional, 64 * KiB, GiB, "", restart,
     "How far bytes that will not be stored may run ahead of the fastest reader of a fill."},
    {S::cache, "private_window", T::bytes, "256KiB", optional, 16 * KiB, GiB, "", restart,
     "The same for a fill with one reader."},
    {S::cache, "finish_without_followers", T::bytes, "1MiB", optional, 0, 0, "", restart,
     "A fill that nobody reads any more is completed if at most this much, or half, is missing."},
    {S::cache, "followers", T::integer, "100000", optional, 1, 10'000'000, "", restart,
     "Requests that may read one fill; more go forward alone."},
    {S::cache, "fill_age_max", T::duration, "1h", optional, second, 240 * hour, "", live,
     "An older fill takes no new followers."},
    {S::cache, "follower_wait_max", T::duration, "20s", optional, 100, hour, "", live,
     "How long a follower waits for the head of a fill; then one asks once more, for all who have waited "
     "so."},

    {S::cache, "hot_copies_percent", T::integer, "10", optional, 0, 50, "", restart,
     "Share of the budget for copies of what other nodes own and many ask this node for. 0: no copies."},
    {S::cache, "hot_requests_min", T::integer, "32", optional, 1, 60'000, "", restart,
     "A URL is hot from so many requests at one worker within about 20 s ..."},
    {S::cache, "hot_one_in", T::integer, "256", optional, 2, 1'000'000, "", restart,
     "... if one in so many of all requests is for it."},
    {S::cache, "spread_one_in", T::integer, "32", optional, 2, 1'000'000, "", restart,
     "A hot URL that one in so many of all requests is for is asked of the less busy of its first two "
     "owners."},

    {S::limits, "connections", T::integer, "10000", optional, 1, 1'000'000, "", restart,
     "Client connections of the node; more are closed at once."},
    {S::limits, "head_bytes", T::bytes, "16KiB", optional, KiB, MiB, "", restart,
     "Request line and fields of a request; more: 431."},
    {S::limits, "fields", T::integer, "100", optional, 8, 10'000, "", restart,
     "Fields of a request; more: 431."},
    {S::limits, "target_bytes", T::bytes, "8KiB", optional, 256, 512 * KiB, "", restart,
     "Target of a request; more: 414. At most half of head_bytes is sensible."},

    {S::limits, "http2_streams", T::integer, "128", optional, 1, 10'000, "", restart,
     "Requests under way at once on one HTTP/2 connection."},
    {S::limits, "http2_glitches", T::integer, "200", optional, 20, 1'000'000, "", restart,
     "What an HTTP/2 client may do within 20 s that is legal and serves nothing, such as resets and pings; "
     "then its "
     "connection ends."},

    {S::timeouts, "header", T::duration, "10s", optional, 100, hour, "", restart,
     "From the first byte of a request to the end of its head."},
    {S::timeouts, "keep_alive", T::duration, "60s", optional, 100, 24 * hour, "", restart,
     "How long an idle connection stays open."},
    {S::timeouts, "request_body", T::duration, "60s", optional, 100, hour, "", restart,
     "Longest pause while the content of a request arrives."},
    {S::timeouts, "write_stall", T::duration, "60s", optional, 100, hour, "", restart,
     "How long a client may take none of what is sent to it."},
    {S::timeouts, "upstream_idle", T::duration, "50s", optional, 100, 24 * hour, "", restart,
     "How long an idle connection to an origin or another node is kept. Less than they keep it themselves."},
    {S::timeouts, "drain", T::duration, "30s", optional, 0, 24 * hour, "", live,
     "How long requests under way may take once the node is told to stop."},

    {S::retries, "max", T::integer, "2", optional, 0, 10, "", live, "Times a request is sent again."},
    {S::retries, "budget_percent", T::integer, "10", optional, 0, 100, "", live,
     "Retries allowed, in percent of the requests to an upstream in the last 10 s."},
    {S::retries, "per_second", T::integer, "3", optional, 0, 10'000, "", live,
     "Retries per second allowed beyond that share."},

    {S::peers, "connect", T::duration, "100ms", optional, 1, 60 * second, "", live,
     "Connecting within the region, a TLS handshake included."},
    {S::peers, "connect_across", T::duration, "1s", optional, 1, 60 * second, "", live,
     "The same to another region."},
    {S::peers, "first_answer", T::duration, "1s", optional, 10, 60 * second, "", live,
     "Until a peer has answered, or said with an interim 102 that a fill is running."},
    {S::peers, "idle_body", T::duration, "30s", optional, 10, hour, "", live,
     "Longest pause while content arrives from a peer: longer than an owner needs to give up a silent origin "
     "and ask again."},
    {S::peers, "invalidation_wait", T::duration, "100ms", optional, 0, 60 * second, "", live,
     "How long the answer to an unsafe method waits for the other nodes to forget what it invalidated."},
    {S::peers, "connections", T::integer, "256", optional, 1, 100'000, "", live, "Connections to one peer."},
    {S::peers, "idle_connections", T::integer, "64", optional, 0, 100'000, "", live,
     "Connections to one peer that are kept while idle."},
    {S::peers, "hedge_percent", T::integer, "2", optional, 0, 100, "", restart,
     "A peer that is late with a GET or HEAD is hedged: the next owner is asked for what it has stored. At "
     "most this share of the requests to that peer in 10 s. 0: never."},
    {S::peers, "hedge_after_min", T::duration, "2ms", optional, 1, 60 * second, "", restart,
     "The least delay of a hedge, which otherwise comes after twice the 95th percentile of the peer."},
    {S::peers, "load_bound_percent", T::integer, "125", optional, 0, 10'000, "", live,
     "An owner that works on more peer requests than this share of the mean of the region is passed over for "
     "the next. 0: never."},
    {S::peers, "load_bound_floor", T::integer, "16", optional, 0, 1'000'000, "", live,
     "So many requests in work are never too many."},
    {S::peers, "joining", T::duration, "10m", optional, 0, 24 * hour, "", live,
     "How long after it has become the owner of a URL a node first asks the owner before it for what that "
     "one "
     "has stored. 0: never."},
    {S::peers, "probe", T::duration, "2s", optional, 0, hour, "", restart,
     "Time between two probes of a peer, up to 20 % more or less; longer where there are more than 20 peers, "
     "so "
     "that no node sends more than 10 a second. 0: none."},
    {S::peers, "ejection_failures", T::integer, "5", optional, 1, 1000, "", restart,
     "Failures in a row that take a peer out of rotation."},
    {S::peers, "ejection_connect_failures", T::integer, "3", optional, 1, 1000, "", restart,
     "The same for connections that could not be made."},
    {S::peers, "ejection", T::duration, "30s", optional, 100, hour, "", restart,
     "How long a peer stays out; the n-th time in a row n times as long."},
    {S::peers, "ejection_max", T::duration, "5m", optional, 100, 24 * hour, "", restart,
     "The longest it stays out."},
    {S::peers, "ejected_one_in", T::integer, "3", optional, 1, 1000, "", restart,
     "Of a region's nodes at most one in so many is out at once; one always may be."},

    {S::peers_tls, "chain", T::file, "", needed, 0, 0, "", live,
     "The certificate of this node and those that issued it, in this order, in PEM form. One of its DNS "
     "names "
     "is the name of the node in the topology, without wildcard."},
    {S::peers_tls, "key", T::secret_file, "", needed, 0, 0, "", live,
     "Its private key in PEM form, without a password."},
    {S::peers_tls, "authorities", T::file, "", needed, 0, 0, "", live,
     "Certificates of those who may vouch for nodes, in PEM form; nobody else's nodes are peers."},

    {S::purge, "journal", T::text, "", optional, 0, 0, "", restart,
     "File in which the node named purge_log keeps the purges, synced before they are acknowledged. Empty: "
     "in "
     "memory; when that node starts again, all nodes validate what they have stored."},
    {S::purge, "verify_after", T::duration, "10s", optional, second, hour, "", restart,
     "Without word from the purge_log for so long a node validates what it has stored before every use. The "
     "same on every node."},
    {S::purge, "receipt_wait", T::duration, "5s", optional, 0, 60 * second, "", live,
     "How long the answer to a purge waits for the nodes to apply it."},

    {S::log, "level", T::choice, "info", optional, 0, 0, "debug|info|warning|error", live,
     "The lowest level that is written."},
    {S::log, "path", T::text, "stderr", optional, 0, 0, "", restart,
     "Where the error log goes: `stderr`, `stdout`, `off`, `syslog:/dev/log` (or another datagram socket; "
     "RFC 5424), or a file, which is opened again on SIGUSR1."},
    {S::log, "access", T::text, "off", optional, 0, 0, "", restart, "Where the access log goes: as `path`."},
    {S::log, "access_sample", T::ratio, "1", optional, 0, 0, "", live,
     "Share of the exchanges that are logged."},
    {S::log, "access_fields", T::text_list,
     "ts, client, method, host, path, status, bytes, duration, cache, fwd, upstream, site, detail, trace_id, "
     "parent_id, cut",
     optional, 0, 0, "", live,
     "What a line of the access log has: of those, and `scheme`, `referer` and `user_agent`. What is empty "
     "is left out."},
    {S::log, "queue_lines", T::integer, "8192", optional, 64, 1'000'000, "", restart,
     "Lines that may wait for the writer; more are dropped and counted."},

    {S::admin, "token_file", T::secret_file, "", optional, 0, 0, "", live,
     "File with the token that admin requests must bring as `Authorization: Bearer`. Empty: no token."},

    {S::admin_tls, "chain", T::file, "", needed, 0, 0, "", live,
     "The certificate and those that issued it, in this order, in PEM form."},
    {S::admin_tls, "key", T::secret_file, "", needed, 0, 0, "", live,
     "Its private key in PEM form, without a password."},
    {S::admin_tls, "client_authorities", T::file, "", optional, 0, 0, "", live,
     "Certificates of those who may vouch for operators, who must then show one of theirs, in PEM form. "
     "Empty: "
     "operators show none."},

    {S::tls, "http2", T::boolean, "true", optional, 0, 0, "", live, "Whether HTTP/2 is offered to clients."},
    {S::tls, "early_data", T::boolean, "false", optional, 0, 0, "", live,
     "Whether resuming clients may send safe requests before the handshake is complete (0-RTT). An attacker "
     "can "
     "repeat such a request for about ten seconds; origins see Early-Data: 1 and may answer 425 (RFC 8470)."},
    {S::tls, "ticket_keys", T::text_list, "", optional, 0, 0, "", live,
     "Files with secrets of at least 32 bytes. The first one seals session tickets, all open them; nodes "
     "with "
     "the "
     "same files resume each other's sessions. Empty: a random secret that lives as long as the process."},

    {S::certificate, "chain", T::file, "", needed, 0, 0, "", live,
     "The certificate and those that issued it, in this order, in PEM form."},
    {S::certificate, "key", T::secret_file, "", needed, 0, 0, "", live,
     "Its private key in PEM form, without a password."},
    {S::certificate, "ocsp", T::file, "", optional, 0, 0, "", live,
     "An OCSP response for it in DER form, which is stapled. Empty: none."},

    {S::origin, "name", T::name, "", needed, 0, 0, "", live, "Name that sites refer to."},
    {S::origin, "servers", T::servers, "", needed, 0, 0, "", live,
     "The servers: \"host:port\" (port 80 when left out), or tables."},
    {S::origin, "host_header", T::text, "", optional, 0, 0, "", live,
     "Sent as Host. Empty: the host that the client asked for."},
    {S::origin, "tls", T::boolean, "false", optional, 0, 0, "", live,
     "Whether the servers are asked over TLS (port 443 when left out). Their certificates are verified."},
    {S::origin, "tls_name", T::text, "", optional, 0, 0, "", live,
     "Whom the servers must prove to be. Empty: the host of `host_header`, else of the server."},
    {S::origin, "tls_authorities", T::file, "", optional, 0, 0, "", live,
     "Certificates of those who may vouch for the servers, in PEM form. Empty: those of the system."},
    {S::origin, "connect_timeout", T::duration, "1s", optional, 10, 60 * second, "", live, "Connecting."},
    {S::origin, "first_byte_timeout", T::duration, "10s", optional, 10, hour, "", live,
     "From the request to the head of the answer."},
    {S::origin, "idle_body_timeout", T::duration, "15s", optional, 10, hour, "", live,
     "Longest pause while content arrives."},
    {S::origin, "connections", T::integer, "256", optional, 1, 100'000, "", live,
     "Connections to one server."},
    {S::origin, "connections_adapt", T::boolean, "false", optional, 0, 0, "", live,
     "Whether a server that says it is overloaded (429, 503, 504, no connection or no answer in time) has "
     "fewer "
     "requests under way, a third less each time, and by and by more again, up to `connections`."},
    {S::origin, "connections_min", T::integer, "8", optional, 1, 100'000, "", live,
     "The least that adapting leaves."},
    {S::origin, "idle_connections", T::integer, "64", optional, 0, 100'000, "", live,
     "Connections to one server that are kept while idle."},
    {S::origin, "probe_path", T::text, "", optional, 0, 0, "", live,
     "Asked of every server now and then, by every node; an answer of status 200 to 399 is good. Empty: "
     "servers are "
     "not probed."},
    {S::origin, "probe_interval", T::duration, "5s", optional, 100, hour, "", live,
     "From one probe of a server to the next, a fifth more or less."},
    {S::origin, "probe_timeout", T::duration, "2s", optional, 10, 60 * second, "", live,
     "A probe's answer has to begin within this time."},
    {S::origin, "probes_failed", T::integer, "3", optional, 1, 100, "", live,
     "After so many failed probes in a row a server is asked only when no other is left."},
    {S::origin, "probes_good", T::integer, "2", optional, 1, 100, "", live,
     "After so many good probes in a row it is back."},
    {S::origin, "slow_start", T::duration, "10s", optional, 0, hour, "", live,
     "How long a server that is back gets less than its share, if others can be asked. 0s: its share at "
     "once."},
    {S::origin, "breaker_percent", T::integer, "90", optional, 0, 100, "", live,
     "A server is asked nothing for a while when at least so many of its answers within 10 s have failed: no "
     "connection, "
     "no answer in time, a broken one, or 502, 503 or 504. 0: never."},
    {S::origin, "breaker_requests", T::integer, "20", optional, 1, 100'000, "", live,
     "The least number of answers within 10 s that says anything."},
    {S::origin, "breaker_open", T::duration, "5s", optional, 100, hour, "", live,
     "How long nothing is sent, a tenth more or less. Then one request at a time is a trial; three good ones "
     "in a row "
     "end it."},

    {S::origin_server, "address", T::text, "", needed, 0, 0, "", live, "\"host:port\"."},
    {S::origin_server, "weight", T::integer, "1", optional, 1, 1000, "", live, "Share of the requests."},
    {S::origin_server, "backup", T::boolean, "false", optional, 0, 0, "", live,
     "Used only when no other server of the group can be."},

    {S::site, "name", T::name, "", needed, 0, 0, "", live, "Name for logs and metrics."},
    {S::site, "hosts", T::text_list, "", needed, 0, 0, "", live,
     "\"example.org\", \"*.example.org\" (one or more labels), or \"*\" for every other host."},
    {S::site, "origin", T::name, "", needed, 0, 0, "", live, "Name of the origin group."},
    {S::site, "shield", T::name, "", optional, 0, 0, "", live,
     "Region whose owner all other regions ask before the origin. Empty: none."},
    {S::site, "allow_upgrade", T::boolean, "false", optional, 0, 0, "", live,
     "Lets WebSocket and other upgrades through to the origin, but none to HTTP/2 (h2c)."},
    {S::site, "forward_client_address", T::boolean, "true", optional, 0, 0, "", live,
     "Sends X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host to the origin."},
    {S::site, "access_sample", T::ratio, "", optional, 0, 0, "", live,
     "Share of the site's exchanges that are logged, in place of `log.access_sample`."},
    {S::site, "client_certificates", T::choice, "off", optional, 0, 0, "off|optional|required", live,
     "Whether clients are asked for a certificate on TLS addresses. The origin is told of it in Client-Cert "
     "and "
     "Client-Cert-Chain (RFC 9440), which clients cannot set themselves."},
    {S::site, "client_authorities", T::file, "", optional, 0, 0, "", live,
     "Certificates of those who may vouch for clients, in PEM form."},
    {S::site, "cache_status_key", T::boolean, "false", optional, 0, 0, "", live,
     "Tells clients the cache key in Cache-Status (RFC 9211 2.8); one that is too long is left out."},
    {S::site, "request_body_max", T::bytes, "1GiB", optional, 0, 0, "", live,
     "Content of a request; more: 413."},

    {S::site_cache, "enabled", T::boolean, "true", optional, 0, 0, "", live,
     "False: every request goes onward."},
    {S::site_cache, "default_freshness", T::seconds, "0s", optional, 0, 3650 * day_s, "", live,
     "Freshness lifetime of storable answers that say nothing about it."},
    {S::site_cache, "heuristic_freshness", T::boolean, "true", optional, 0, 0, "", live,
     "Guesses a freshness lifetime from Last-Modified (RFC 9111 4.2.2)."},
    {S::site_cache, "heuristic_freshness_max", T::seconds, "1d", optional, 0, 3650 * day_s, "", live,
     "The most that is guessed."},
    {S::site_cache, "stale_while_revalidate", T::seconds, "0s", optional, 0, 3650 * day_s, "", live,
     "RFC 5861, for answers that do not say."},
    {S::site_cache, "stale_if_error", T::seconds, "0s", optional, 0, 3650 * day_s, "", live,
     "RFC 5861, for answers that do not say."},
    {S::site_cache, "stale_if_disconnected", T::seconds, "1d", optional, 0, 3650 * day_s, "", live,
     "How long past its freshness an answer may be served when no upstream could be reached, or none said "
     "anything."},
    {S::site_cache, "hit_for_miss", T::seconds, "2m", optional, 0, day_s, "", live,
     "How long to remember that a URL is not storable, so that nobody waits for it."},
    {S::site_cache, "set_cookie", T::choice, "explicit_lifetime", optional, 0, 0,
     "explicit_lifetime|shared_lifetime|never", live,
     "When an answer with Set-Cookie may be stored: with any explicit lifetime or `public`; only with "
     "`s-maxage` or "
     "`public`; never."},
    {S::site_cache, "targeted_fields", T::text_list, "cdn-cache-control, surrogate-control", optional, 0, 0,
     "", live,
     "Fields like CDN-Cache-Control (RFC 9213) that are asked before Cache-Control, in this order. "
     "Surrogate-Control is read by its own rules."},
    {S::site_cache, "surrogate_device", T::name, "perigee", optional, 0, 0, "", live,
     "The name by which Surrogate-Control may speak to this cache alone; told to origins in "
     "Surrogate-Capability."},

    {S::site_rule, "path_prefix", T::text, "", needed, 0, 0, "", live, "Begins with \"/\"."},
    {S::site_rule, "bypass", T::boolean, "false", optional, 0, 0, "", live, "The cache is not consulted."},
    {S::site_rule, "default_freshness", T::seconds, "", optional, 0, 3650 * day_s, "", live,
     "Overrides the site's."},

    {S::site_certificate, "chain", T::file, "", needed, 0, 0, "", live,
     "The certificate and those that issued it, in this order, in PEM form."},
    {S::site_certificate, "key", T::secret_file, "", needed, 0, 0, "", live,
     "Its private key in PEM form, without a password."},
    {S::site_certificate, "ocsp", T::file, "", optional, 0, 0, "", live,
     "An OCSP response for it in DER form, which is stapled. Empty: none."},

    {S::cluster, "purge_log", T::name, "", optional, 0, 0, "", restart,
     "Name of the node that orders purges. Empty: purges are refused."},
    {S::cluster, "insecure_peers", T::boolean, "false", optional, 0, 0, "", live,
     "Permits peer addresses beyond loopback without mTLS."},

    {S::cluster_key, "id", T::name, "", needed, 0, 0, "", live, "Names the key in requests."},
    {S::cluster_key, "file", T::secret_file, "", needed, 0, 0, "", live, "File that holds the secret."},

    {S::region, "name", T::name, "", needed, 0, 0, "", live, "Name that nodes refer to."},
    {S::region, "slots", T::integer, "0", optional, 0, 1 << 23, "", live,
     "Slots of its placement table, a power of two; 0: chosen from the number of nodes."},
    {S::region, "location", T::text, "", optional, 0, 0, "", live,
     "\"latitude, longitude\" in degrees, such as \"50.1, 8.7\": where DNS and the map put it."},

    {S::topology_node, "name", T::name, "", needed, 0, 0, "", live, "Lower-case name; `--node` takes it."},
    {S::topology_node, "region", T::name, "", needed, 0, 0, "", live, "The region it stands in."},
    {S::topology_node, "client", T::address, "", needed, 0, 0, "", live, "Its address for clients."},
    {S::topology_node, "peer", T::address, "", needed, 0, 0, "", live, "Its address for other nodes."},
    {S::topology_node, "admin", T::address, "", optional, 0, 0, "", live, "Its admin address. Empty: none."},
    {S::topology_node, "health", T::address, "", optional, 0, 0, "", live,
     "Its health address. Empty: none."},
    {S::topology_node, "weight", T::integer, "1", optional, 1, 10'000, "", live,
     "Its share of the region's URLs."},
};

}  // namespace

std::string_view to_string(SettingType type) {
  switch (type) {
    case T::boolean:
      return "boolean";
    case T::integer:
      return "integer";
    case T::bytes:
      return "bytes";
    case T::duration:
      return "duration";
    case T::seconds:
      return "duration in seconds";
    case T::ratio:
      return "ratio";
    case T::text:
      return "string";
    case T::name:
      return "name";
    case T::text_list:
      return "list of strings";
    case T::address:
      return "address";
    case T::address_list:
      return "list of addresses";
    case T::choice:
      return "choice";
    case T::file:
      return "file";
    case T::secret_file:
      return "file with a secret";
    case T::servers:
      return "list of servers";
  }
  return "";
}

std::span<const SectionInfo> section_table() { return sections; }
std::span<const Setting> setting_table() { return settings; }

const SectionInfo& section_info(Section section) { return sections[static_cast<size_t>(section)]; }

const Setting* find_setting(Section section, std::string_view key) {
  const auto* found = std::find_if(std::begin(settings), std::end(settings), [&](const Setting& setting) {
    return setting.section == section && setting.key == key;
  });
  return found == std::end(settings) ? nullptr : found;
}

}  // namespace perigee::control
