-- Sends prepared requests, each once: a file of lengths and whole HTTP requests. Without a file: plain GETs.
-- When all are sent, there is a file of that name and ".sent". With a third argument, notes in that file which
-- transactions the answers to Pay, Refund and batches tell of.
-- Prints one line of JSON for tallystick/bench/wrk.py. One thread only.

local requests, sent, pause = nil, 0, 0
local answers, all_sent

local function note(_, _, body)
  if body:byte() == 123 then -- a brace: lines of JSON, the answer to a batch
    for id in body:gmatch('"transaction_id":"(%w+)"') do answers:write(id, "\n") end
  elseif body:find("<PayResponse", 1, true) or body:find("<RefundResponse", 1, true) then
    local id = body:match("<TransactionId>(%w+)</TransactionId>")
    if id then answers:write(id, "\n") end
  end
end

function init(args)
  if not args[1] then return end
  requests, all_sent = {}, args[1] .. ".sent"
  pause = tonumber(args[2] or 0)
  if pause > 0 then
    function delay() return math.random(0, 2 * pause) end -- spread, so that clients do not march in step
  end
  if args[3] then
    answers = assert(io.open(args[3], "w")) -- written as a whole when wrk ends
    response = note -- wrk hands answers over only where there is a function of this name
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
    assert(io.open(all_sent, "w")):close() -- wrk itself goes on sleeping for as long as it was asked to
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
