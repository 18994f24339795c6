-- For wrk: asks for many keys in place of one, and ends with a line of JSON.
--   wrk ... -s bench/load/wrk.lua URL -- [KEYS [PATH]]
-- PATH has a %d for the key; without arguments the URL's own path is asked for.
local keys, path, asked

function init(arguments)
  keys = tonumber(arguments[1] or "0")
  path = arguments[2] or "/_/body?id=key-%d&size=1024&cc=max-age=86400"
  asked = 0
end

function request()
  if keys == 0 then return wrk.format() end
  asked = asked + 1
  return wrk.format(nil, string.format(path, asked % keys))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.3f,"bytes":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"max_us":%d,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency.max, errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
