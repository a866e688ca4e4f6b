-- Keeps a kind's series bounded: the least active ones fold into `<kind>:(other)`, whose buckets are all older ones, and
-- are counted in the hash `folded` by kind. After buckets.lua; before scripts that bring new series.
local OTHER = ':(other)'
local SAMPLE = 200 -- of so many series the least active are taken, so that no call takes long
local SPARE = 20   -- are folded beyond need, so that not each new series brings a search
local WIDTH_S = {300, 3600, 86400}

-- Byte order, which is the order of code points. Lua's own `<` follows the server's locale.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Posts so far, where a week later counts twice; as a logarithm, so that it needs no clock.
local function activity(head)
  return math.log(head[1]) / math.log(2) + head[4][1] / 7
end

-- Buckets so old that they end within days are left to their expiry.
local function fold_series(kind, name, head, ttls, sources_ttl)
  local other = kind .. OTHER
  for r = 1, 3 do
    local newest, kept = head[1 + r][1], floor(ttls[r] / WIDTH_S[r])
    join_older(r, other, head[1 + r], ttls[r], sources_ttl)
    for period = floor((newest - kept) / SPANS[r]), floor(newest / SPANS[r]) do
      local key = older_key(r, period, name)
      local found = redis.call('HGETALL', key)
      for i = 1, #found, 2 do
        join_older(r, other, {tonumber(found[i]), unpack(cmsgpack.unpack(found[i + 1]))}, ttls[r], sources_ttl)
      end
      redis.call('UNLINK', key)
    end
  end
end

-- Makes room for so many new series; those of `needed` (name -> true) stay.
local function make_room(kind, new, most, needed, ttls, sources_ttl)
  local live = base .. 'live:' .. kind
  local over = new > 0 and redis.call('HLEN', live) + new - most or 0
  if over <= 0 then return end
  local found = redis.call('HRANDFIELD', live, math.max(SAMPLE, 4 * over), 'WITHVALUES')
  local idle = {}
  for i = 1, #found, 2 do
    local head = cmsgpack.unpack(found[i + 1])
    if not needed[found[i]] then idle[#idle + 1] = {found[i], head, activity(head)} end
  end
  table.sort(idle, function(a, b)
    if a[3] ~= b[3] then return a[3] < b[3] end
    return before(a[1], b[1])
  end)
  local folded = math.min(#idle, over + math.min(SPARE, floor(most / 10)))
  for i = 1, folded do
    fold_series(kind, idle[i][1], idle[i][2], ttls, sources_ttl)
    redis.call('HDEL', live, idle[i][1])
  end
  redis.call('HINCRBY', base .. 'folded', kind, folded)
end
