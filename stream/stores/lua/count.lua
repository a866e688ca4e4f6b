-- Counts a batch of posts into one shard: tests each id and counts in the same step. After buckets.lua and fold.lua.
-- KEYS[1] the shard's key base; ARGV: the seconds that 5m, hour and day buckets, and ids and sources are kept, how many
-- series of a kind are kept apart, the batch as msgpack [names of series, docs], then excerpts, which docs name by their place in ARGV (0: none; cmsgpack takes no
-- bytes). Docs are one flat list: id, received_ms, published_ms, story, first + 2 * stale, novelty_milli, source's code
-- ('': not said), excerpt, teller ('': votes of all are one), how many numbers of votes follow, then for each series its place in names, score_milli and
-- label + 3 * heard. Returns a string: 1 where a post was new, else 0.
local TTLS, SEEN_TTL, MOST = {ARGV[1], ARGV[2], ARGV[3]}, tonumber(ARGV[4]), tonumber(ARGV[5])
local names, docs = unpack(cmsgpack.unpack(ARGV[6]))
local HEAD = 10  -- numbers of a doc before its votes
local SLICES = 4 -- ids lie in sets by time of writing, so that they can be forgotten: `seen:<slice>`
local slice = floor(redis.call('TIME')[1] / (SEEN_TTL / SLICES))
local closed_until = tonumber(redis.call('HGET', base .. 'state', 'closed_until') or '')

local function ids_known()
  local ids, known, at = {}, {}, 1
  while docs[at] do
    ids[#ids + 1] = docs[at]
    at = at + HEAD + docs[at + HEAD - 1]
  end
  for back = 0, SLICES do
    local set = base .. 'seen:' .. slice - back
    if redis.call('EXISTS', set) == 1 then
      in_chunks(ids, function(from, to)
        for i, is in ipairs(redis.call('SMISMEMBER', set, unpack(ids, from, to))) do
          if is == 1 then known[ids[from + i - 1]] = true end
        end
      end)
    end
  end
  return known
end

local charts = {}  -- 5-minute bucket -> series -> sums
local numbers = {} -- series -> its 5-minute buckets
local order = {}   -- series in the order in which they first came
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

-- What the votes of a series in this 5-minute bucket sum up to: a bucket's numbers, and which sources spoke.
local function new_sums(number, series)
  local sums = {0, 0, 0, 0, 0, 0, 0, 0, 0, source = ''}
  charts[number][series] = sums
  if not numbers[series] then
    numbers[series] = {}
    order[#order + 1] = series
  end
  table.insert(numbers[series], number)
  return sums
end

-- Notes that a source spoke. Most series of a batch have one: only a second one makes a table of them.
local function note_source(sums, source)
  if source == sums.source or source == '' then return end
  if sums.source == '' then
    sums.source = source
  else
    local others = sums.others or {}
    others[source], sums.others = true, others
  end
end

local function sources_of(sums)
  if not sums.others then return sums.source end
  local list = {sums.source}
  for source in pairs(sums.others) do list[#list + 1] = source end
  return table.concat(list)
end

-- Puts a candidate into the place of another where it came earlier; counts stay sums.
local function join(candidate, received, id, negative, posts, negative_posts)
  if received < candidate[1] or (received == candidate[1] and before(id, candidate[2])) then
    candidate[1], candidate[2], candidate[3] = received, id, negative
  end
  candidate[4], candidate[5] = candidate[4] + posts, candidate[5] + negative_posts
end

local function take_vote(doc, received, series, heard)
  local at, id, name = minute_at(floor(received / 60000)), docs[doc], names[series]
  if docs[doc + 4] >= 2 then
    at.stale[name] = (at.stale[name] or 0) + 1
    return
  end
  local negative = heard == 2 and 1 or 0
  local start = starts[series]
  if not start then
    start = #name .. ':' .. name
    starts[series] = start
  end
  local story, excerpt, teller = docs[doc + 3], docs[doc + 7], docs[doc + 8]
  local field = teller == '' and 'v' .. start .. story or 't' .. start .. #story .. ':' .. story .. teller
  local candidate = at.votes[field]
  if candidate then
    join(candidate, received, id, negative, 1, negative)
  else
    at.votes[field] = {received, id, negative, 1, negative}
  end
  if excerpt > 0 then at.excerpts[id] = ARGV[excerpt] end
end

local function count(doc)
  local received, first, novelty, source = docs[doc + 1], docs[doc + 4] % 2, docs[doc + 5], docs[doc + 6]
  local number = floor(docs[doc + 2] / 300000)
  local open = not closed_until or floor(received / 60000) >= closed_until
  local sums = charts[number]
  if not sums then
    sums = {}
    charts[number] = sums
  end
  local votes = doc + HEAD
  for at = votes, votes + docs[votes - 1] - 1, 3 do
    local series, milli, code = docs[at], docs[at + 1], docs[at + 2]
    local label, chart = code % 3, sums[series] or new_sums(number, series)
    chart[2], chart[3], chart[4 + label] = chart[2] + 1, chart[3] + first, chart[4 + label] + 1
    chart[7], chart[8], chart[9] = chart[7] + milli, chart[8] + milli * milli, chart[9] + novelty
    note_source(chart, source)
    if code >= 3 and open then take_vote(doc, received, series, floor(code / 3)) end
  end
end

local fresh, fresh_ids, known = {}, {}, ids_known()
do
  local doc = 1
  while docs[doc] do
    local id = docs[doc]
    if known[id] then
      fresh[#fresh + 1] = '0'
    else
      known[id], fresh[#fresh + 1], fresh_ids[#fresh_ids + 1] = true, '1', id
      count(doc)
    end
    doc = doc + HEAD + docs[doc + HEAD - 1]
  end
end
if #fresh_ids > 0 then
  local set = base .. 'seen:' .. slice
  in_chunks(fresh_ids, function(from, to) redis.call('SADD', set, unpack(fresh_ids, from, to)) end)
  redis.call('EXPIRE', set, SEEN_TTL)
end

local WIDER = {1, 12, 288} -- buckets of 5 minutes in one of each resolution

-- Adds the sums of a 5-minute bucket to a series' newest buckets, or where it is not of these, to what they make place for.
local function chart_series(head, series, number, sums, sources)
  head[1] = head[1] + sums[2]
  for r = 1, 3 do
    local wide, newest = floor(number / WIDER[r]), head[1 + r]
    if newest and newest[1] == wide then
      for i = 2, SOURCES - 1 do newest[i] = newest[i] + sums[i] end
      if r > 1 then add_sources(newest, r, series, sources, FEW, SEEN_TTL) end
    else
      local bucket = {wide, unpack(sums, 2, SOURCES - 1)}
      if r > 1 then add_sources(bucket, r, series, sources, FEW, SEEN_TTL) end
      join_series(head, r, series, bucket, TTLS[r], SEEN_TTL)
    end
  end
end

local by_kind = {}
for _, series in ipairs(order) do
  local kind = kind_of(names[series])
  local list = by_kind[kind] or {}
  list[#list + 1] = series
  by_kind[kind] = list
end

-- The heads of a kind's series, packed, or false where a series is new.
local function heads_of(kind, list)
  local heads, needed, new = {}, {}, 0
  in_chunks(list, function(from, to)
    local fields = {}
    for i = from, to do fields[#fields + 1] = names[list[i]] end
    for i, head in ipairs(redis.call('HMGET', base .. 'live:' .. kind, unpack(fields))) do
      heads[#heads + 1], needed[fields[i]] = head, true
      if not head then new = new + 1 end
    end
  end)
  make_room(kind, new, MOST, needed, TTLS, SEEN_TTL)
  return heads
end

for kind, list in pairs(by_kind) do
  local heads = heads_of(kind, list)
  in_chunks(list, function(from, to)
    local write = {}
    for i = from, to do
      local name, head = names[list[i]], heads[i] and cmsgpack.unpack(heads[i]) or {0}
      for _, number in ipairs(numbers[list[i]]) do
        local sums = charts[number][list[i]]
        chart_series(head, name, number, sums, sources_of(sums))
      end
      write[#write + 1] = name
      write[#write + 1] = cmsgpack.pack(head)
    end
    redis.call('HSET', base .. 'live:' .. kind, unpack(write))
  end)
end

local function merge_candidate(old, candidate)
  if old then
    local received, posts, negative_posts, negative = struct.unpack('>dI4I4B', old)
    join(candidate, received, string.sub(old, 18), negative, posts, negative_posts)
  end
  return struct.pack('>dI4I4B', candidate[1], candidate[4], candidate[5], candidate[3]) .. candidate[2]
end

local function write_votes(key, votes)
  local fields = {}
  for field in pairs(votes) do fields[#fields + 1] = field end
  in_chunks(fields, function(from, to)
    local old, write = redis.call('HMGET', key, unpack(fields, from, to)), {}
    for i = from, to do
      write[#write + 1] = fields[i]
      write[#write + 1] = merge_candidate(old[i - from + 1], votes[fields[i]])
    end
    redis.call('HSET', key, unpack(write))
  end)
end

for minute, at in pairs(minutes) do
  local key = base .. 'm:' .. minute
  write_votes(key, at.votes)
  for series, posts in pairs(at.stale) do redis.call('HINCRBY', key, 's' .. series, posts) end
  local told = {}
  for id, excerpt in pairs(at.excerpts) do
    told[#told + 1] = 'e' .. id
    told[#told + 1] = excerpt
  end
  in_chunks(told, function(from, to) redis.call('HSET', key, unpack(told, from, to)) end)
  redis.call('ZADD', base .. 'minutes', minute, minute)
end

return table.concat(fresh)
