-- Counts a batch of posts into one shard: tests each id and counts in the same step.
-- KEYS[1] the shard's key base; ARGV: seconds an id is remembered, docs as msgpack
-- [[id, received_ms, published_ms, story, first, stale, [series, label, score_milli, heard, series...], excerpt]...],
-- the seconds that 5m, hour and day buckets are kept, then the excerpts, which the docs name by their place in ARGV
-- (0: none; cmsgpack takes no bytes). Returns a string: 1 where a post was new, else 0.
local base, seen_ttl = KEYS[1], ARGV[1]
local docs = cmsgpack.unpack(ARGV[2])
local kept_s = {['5m'] = ARGV[3], hour = ARGV[4], day = ARGV[5]}
local closed_until = tonumber(redis.call('HGET', base .. 'state', 'closed_until') or '')
local SUMS = '>I4I4I4I4I4i8i8' -- posts, voices, negative, neutral, positive, score_milli, its squares
local CHUNK = 200 -- fields a call: far below what Lua's stack holds

-- Byte order, which is the order of code points. Lua's own `<` follows the server's locale.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Reads the fields of `changes` from a hash, lets `merge(old, change)` make their new values and writes them.
local function merge_into(key, changes, merge)
  local fields = {}
  for field in pairs(changes) do fields[#fields + 1] = field end
  for from = 1, #fields, CHUNK do
    local to = math.min(from + CHUNK - 1, #fields)
    local old = redis.call('HMGET', key, unpack(fields, from, to))
    local write = {}
    for i = from, to do
      write[#write + 1] = fields[i]
      write[#write + 1] = merge(old[i - from + 1], changes[fields[i]])
    end
    redis.call('HSET', key, unpack(write))
  end
end

local function sums_at(buckets, bucket)
  local sums = buckets[bucket]
  if not sums then
    sums = {0, 0, 0, 0, 0, 0, 0} -- as in SUMS
    buckets[bucket] = sums
  end
  return sums
end

local fresh = {}
local charts = {}  -- series -> 5-minute bucket -> sums
local starts = {}  -- series -> start of its votes' fields
local minutes = {} -- minute -> {votes: field -> candidate, stale: series -> posts, excerpts: id -> bytes}

local function minute_at(minute)
  local at = minutes[minute]
  if not at then
    at = {votes = {}, stale = {}, excerpts = {}}
    minutes[minute] = at
  end
  return at
end

local function chart(doc, bucket, series, label, milli)
  local buckets = charts[series]
  if not buckets then
    buckets = {}
    charts[series] = buckets
  end
  local sums = sums_at(buckets, bucket)
  sums[1] = sums[1] + 1
  if doc[5] then sums[2] = sums[2] + 1 end
  sums[3 + label] = sums[3 + label] + 1
  sums[6] = sums[6] + milli
  sums[7] = sums[7] + milli * milli
end

-- Puts a candidate into the place of another where it came earlier; counts stay sums.
local function join(candidate, received, id, negative, posts, negative_posts)
  if received < candidate[1] or (received == candidate[1] and before(id, candidate[2])) then
    candidate[1], candidate[2], candidate[3] = received, id, negative
  end
  candidate[4], candidate[5] = candidate[4] + posts, candidate[5] + negative_posts
end

local function take_vote(doc, minute, series, heard)
  local at, received, id = minute_at(minute), doc[2], doc[1]
  if doc[6] then
    at.stale[series] = (at.stale[series] or 0) + 1
    return
  end
  local negative = heard == 2 and 1 or 0
  local start = starts[series]
  if not start then
    start = 'v' .. #series .. ':' .. series
    starts[series] = start
  end
  local field = start .. doc[4]
  local candidate = at.votes[field]
  if candidate then
    join(candidate, received, id, negative, 1, negative)
  else
    at.votes[field] = {received, id, negative, 1, negative}
  end
  if negative == 1 and doc[8] > 0 then at.excerpts[id] = ARGV[doc[8]] end
end

for i, doc in ipairs(docs) do
  if redis.call('SET', base .. 'seen:' .. doc[1], '', 'EX', seen_ttl, 'NX') then
    fresh[i] = '1'
    local bucket, minute = math.floor(doc[3] / 300000), math.floor(doc[2] / 60000)
    local open = not closed_until or minute >= closed_until
    local votes = doc[7]
    for at = 1, #votes, 4 do
      chart(doc, bucket, votes[at], votes[at + 1], votes[at + 2])
      if open and votes[at + 3] > 0 then take_vote(doc, minute, votes[at], votes[at + 3]) end
    end
  else
    fresh[i] = '0'
  end
end

-- Adds to one bucket. Its key's expiry moves when a bucket is new, which is often enough and cheaper than each time.
local function add_to_bucket(key, bucket, sums, ttl)
  local old = redis.call('HGET', key, bucket)
  if old then
    local posts, voices, negative, neutral, positive, milli, squares = struct.unpack(SUMS, old)
    redis.call('HSET', key, bucket, struct.pack(SUMS, posts + sums[1], voices + sums[2], negative + sums[3],
      neutral + sums[4], positive + sums[5], milli + sums[6], squares + sums[7]))
  else
    redis.call('HSET', key, bucket, struct.pack(SUMS, unpack(sums)))
    redis.call('EXPIRE', key, ttl)
  end
end

local places = {['5m'] = {}, hour = {}, day = {}} -- bucket -> start of its key, field; numbers are slow to print

local function write_chart(resolution, span, series, buckets)
  for bucket, sums in pairs(buckets) do
    local place = places[resolution][bucket]
    if not place then
      place = {base .. 'c:' .. resolution .. ':' .. math.floor(bucket / span) .. ':', tostring(bucket)}
      places[resolution][bucket] = place
    end
    add_to_bucket(place[1] .. series, place[2], sums, kept_s[resolution])
  end
end

local function widen(buckets, factor)
  local wide = {}
  local first = next(buckets)
  if next(buckets, first) == nil then -- the usual batch: a single bucket
    wide[math.floor(first / factor)] = buckets[first]
    return wide
  end
  for bucket, sums in pairs(buckets) do
    local into = sums_at(wide, math.floor(bucket / factor))
    for i = 1, 7 do into[i] = into[i] + sums[i] end
  end
  return wide
end

for series, buckets in pairs(charts) do
  local hours = widen(buckets, 12)
  local days = widen(hours, 24)
  local posts = 0
  for _, sums in pairs(days) do posts = posts + sums[1] end
  write_chart('5m', 288, series, buckets) -- spans: a key holds a day, 30 days, 1,000 days
  write_chart('hour', 720, series, hours)
  write_chart('day', 1000, series, days)
  -- A hash, sorted when it is read: a sorted set costs four times as much here, and reads are rare.
  redis.call('HINCRBY', base .. 'top:' .. string.match(series, '^[^:]*'), series, posts)
end

local function merge_candidate(old, candidate)
  if old then
    local received, posts, negative_posts, negative = struct.unpack('>dI4I4B', old)
    join(candidate, received, string.sub(old, 18), negative, posts, negative_posts)
  end
  return struct.pack('>dI4I4B', candidate[1], candidate[4], candidate[5], candidate[3]) .. candidate[2]
end

for minute, at in pairs(minutes) do
  local key = base .. 'm:' .. minute
  merge_into(key, at.votes, merge_candidate)
  for series, posts in pairs(at.stale) do redis.call('HINCRBY', key, 's' .. series, posts) end
  for id, excerpt in pairs(at.excerpts) do redis.call('HSET', key, 'e' .. id, excerpt) end
  redis.call('ZADD', base .. 'minutes', minute, minute)
end

return table.concat(fresh)
