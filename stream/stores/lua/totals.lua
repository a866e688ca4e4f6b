-- Sums up all series of a kind over spans of buckets. After buckets.lua.
-- KEYS[1] the shard's key base; ARGV: kind, voices that a series must have in the first span, spans as msgpack
-- [[resolution 1 to 3, first bucket, bucket after the last, start in buckets of 5 minutes]...].
-- Returns msgpack [series, [7 sums of the first span], ..., series...]: sums as in buckets.lua, up to the squares.
local kind, least, spans = ARGV[1], tonumber(ARGV[2]), cmsgpack.unpack(ARGV[3])
local SUMS = 7
local MANY = 24 -- of so many fields it is cheaper to read the whole key

local function add(totals, bucket, from)
  for i = 1, SUMS do totals[i] = totals[i] + bucket[from + i] end
end

local function add_period(totals, key, first, last)
  if last - first >= MANY then
    local found = redis.call('HGETALL', key)
    for i = 1, #found, 2 do
      local number = tonumber(found[i])
      if number >= first and number <= last then add(totals, cmsgpack.unpack(found[i + 1]), 0) end
    end
    return
  end
  local fields = {}
  for number = first, last do fields[#fields + 1] = number end
  local found = redis.call('HMGET', key, unpack(fields))
  for i = 1, #fields do
    local raw = found[i]
    if raw then add(totals, cmsgpack.unpack(raw), 0) end
  end
end

local function total(series, head, span)
  local r, first, last = span[1], span[2], span[3] - 1
  local totals = {0, 0, 0, 0, 0, 0, 0}
  local newest = head[1 + r]
  if newest[1] >= first and newest[1] <= last then add(totals, newest, 1) end
  local width = SPANS[r]
  for period = floor(first / width), floor(math.min(last, newest[1]) / width) do
    local key = older_key(r, period, series)
    add_period(totals, key, math.max(first, period * width), math.min(last, period * width + width - 1))
  end
  return totals
end

local answer = {}
local live = redis.call('HGETALL', base .. 'live:' .. kind)
for i = 1, #live, 2 do
  local series, head = live[i], cmsgpack.unpack(live[i + 1])
  if head[1] >= least and head[2][1] >= spans[1][4] then -- else it has been silent since
    local first = total(series, head, spans[1])
    if first[2] >= least then
      answer[#answer + 1] = series
      answer[#answer + 1] = first
      for n = 2, #spans do answer[#answer + 1] = total(series, head, spans[n]) end
    end
  end
end
return cmsgpack.pack(answer)
