-- What scripts over charts share; put before them. A bucket is a table {bucket, posts, voices, negative, neutral,
-- positive, score_milli, its squares, novelty_milli, sources}: a few sources as one string of their codes of 4 characters
-- (nil: none), or the number -n where n is the estimate of the HyperLogLog `u:<resolution>:<bucket>:<series>`. A series has a head in the hash
-- `live:<kind>`: msgpack of {posts so far, its newest bucket of 5 minutes, hour, day}; older buckets lie without their
-- number in hashes `c:<resolution>:<period>:<series>`. What a bucket holds is the sum of both, so that the order of
-- arrival never shows.
local base = KEYS[1]
local NAMES = {'5m', 'hour', 'day'}
local SPANS = {288, 480, 400} -- buckets a key holds: few enough for Redis to keep them as one packed list
local SOURCES, FEW = 10, 24
local FEW_KEPT = 7 -- of an older bucket: its value stays below the 64 bytes up to which Redis packs a hash
local CHUNK = 200 -- fields a call: far below what Lua's stack holds
local floor = math.floor

local function kind_of(series)
  return string.match(series, '^[^:]*')
end

-- Calls `use(from, to)` for one part of a list after the other.
local function in_chunks(list, use)
  for from = 1, #list, CHUNK do use(from, math.min(from + CHUNK - 1, #list)) end
end

local function sources_key(r, bucket, series)
  return base .. 'u:' .. NAMES[r] .. ':' .. bucket .. ':' .. series
end

local function older_key(r, period, series)
  return base .. 'c:' .. NAMES[r] .. ':' .. period .. ':' .. series
end

local function has(codes, code)
  local at = string.find(codes, code, 1, true)
  while at and at % 4 ~= 1 do at = string.find(codes, code, at + 1, true) end
  return at
end

local function with_codes(codes, more)
  for i = 1, #more, 4 do
    local code = string.sub(more, i, i + 3)
    if not has(codes, code) then codes = codes .. code end
  end
  return codes
end

-- Adds sources' codes to those of a bucket, which go into a HyperLogLog if they are more than `few`.
local function add_sources(into, r, series, codes, few, ttl)
  local old, estimate = into[SOURCES] or '', 0
  if type(old) == 'string' then
    codes = #codes > 4 * few and old .. codes or with_codes(old, codes)
    if #codes <= 4 * few then
      if codes ~= '' then into[SOURCES] = codes end
      return
    end
  else
    estimate = -old
  end
  local key, list, news = sources_key(r, into[1], series), {}, 0
  for i = 1, #codes, 4 do list[#list + 1] = string.sub(codes, i, i + 3) end
  in_chunks(list, function(from, to) news = news + redis.call('PFADD', key, unpack(list, from, to)) end)
  if news > 0 then
    redis.call('EXPIRE', key, ttl)
    estimate = math.max(estimate, redis.call('PFCOUNT', key))
  end
  into[SOURCES] = -estimate
end

-- Adds what another table holds of the same bucket.
local function join_bucket(into, r, series, from, ttl)
  for i = 2, SOURCES - 1 do into[i] = into[i] + from[i] end
  local codes = from[SOURCES]
  if not codes then return end
  if type(codes) == 'number' then -- then these are in the HyperLogLog already, and our own must go there
    local ours = into[SOURCES] or ''
    into[SOURCES] = codes
    if type(ours) == 'number' then
      into[SOURCES] = math.min(ours, codes)
      return
    end
    codes = ours
  end
  add_sources(into, r, series, codes, FEW, ttl)
end

-- Adds to an older bucket. Its key's expiry moves when a bucket is new, which is often enough.
local function join_older(r, series, from, ttl, sources_ttl)
  local bucket = from[1]
  local key = older_key(r, floor(bucket / SPANS[r]), series)
  local old, into = redis.call('HGET', key, bucket), from
  if old then
    into = {bucket, unpack(cmsgpack.unpack(old))}
    join_bucket(into, r, series, from, sources_ttl)
  end
  add_sources(into, r, series, '', FEW_KEPT, sources_ttl)
  redis.call('HSET', key, bucket, cmsgpack.pack({unpack(into, 2)}))
  if not old then redis.call('EXPIRE', key, ttl) end
end

-- Adds a bucket to a series with this head (a new one is {0}); one that is newer sends the head's to the older ones.
-- `from` is the head's own after that.
local function join_series(head, r, series, from, ttl, sources_ttl)
  local newest = head[1 + r]
  if not newest then
    head[1 + r] = from
  elseif newest[1] == from[1] then
    join_bucket(newest, r, series, from, sources_ttl)
  elseif from[1] < newest[1] then
    join_older(r, series, from, ttl, sources_ttl)
  else
    join_older(r, series, newest, ttl, sources_ttl)
    head[1 + r] = from
  end
end
