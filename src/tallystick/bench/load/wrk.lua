-- Sends prepared requests, each once: a file of lengths and whole HTTP requests. Without a file: plain GETs.
-- Prints one line of JSON for tallystick/bench/wrk.py. One thread only.

local requests, sent, pause = nil, 0, 0

function init(args)
  if not args[1] then return end
  requests = {}
  pause = tonumber(args[2] or 0)
  if pause > 0 then
    function delay() return math.random(0, 2 * pause) end -- spread, so that clients do not march in step
  end
  local file = assert(io.open(args[1], "rb"))
  for length in file:lines() do
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
end

function request()
  if not requests then return wrk.format("GET") end
  sent = sent + 1
  local text = requests[sent]
  if not text then -- all sent: nothing is ever sent twice
    wrk.thread:stop()
    return wrk.format("GET", "/healthz")
  end
  requests[sent] = false
  return text
end

function done(summary, latency, _)
  local errors = summary.errors
  local latencies = {} -- a thousand, each of which stands for as many requests
  for number = 1, 1000 do
    latencies[number] = string.format("%d", latency:percentile((number - 0.5) / 10))
  end
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"latencies_us":[%s],"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, table.concat(latencies, ","), errors.connect, errors.read, errors.write,
    errors.timeout, errors.status))
end
