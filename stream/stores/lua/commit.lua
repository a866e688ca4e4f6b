-- Writes what a close changed, in one step, if the token is in force. Returns 1, or 0 for an old token.
-- KEYS[1] the shard's key base; ARGV: token, closed_until, watch, rows of bands to keep, and as msgpack [alert ids,
-- series with new bands, votes added [[field, minute]...], removed [field...], accounts [[series, text]...], births as
-- JSON]; then each alert, each series' new rows of 6 float64 (cmsgpack takes no bytes).
local base, closed_until, kept = KEYS[1], ARGV[2], tonumber(ARGV[4]) * 48
local state = base .. 'state'
if redis.call('HGET', state, 'token') ~= ARGV[1] then return 0 end
local alerts, series, added, removed, accounts, born = unpack(cmsgpack.unpack(ARGV[5]))

redis.call('HSET', state, 'watch', ARGV[3], 'closed_until', closed_until, 'born', born)

for i, id in ipairs(alerts) do
  redis.call('HSET', base .. 'outbox', id, ARGV[5 + i])
  redis.call('ZADD', base .. 'outbox:order', 'NX', redis.call('HINCRBY', state, 'alerts', 1), id)
end

for i, name in ipairs(series) do
  local key, rows = base .. 'b:' .. name, ARGV[5 + #alerts + i]
  local last = redis.call('GETRANGE', key, -48, -41)
  if last ~= '' then -- a repeated commit finds its rows already there
    local newest, from = struct.unpack('<d', last), 1
    while from <= #rows and struct.unpack('<d', rows, from) <= newest do from = from + 48 end
    rows = string.sub(rows, from)
  end
  if rows ~= '' and redis.call('APPEND', key, rows) > kept * 1.25 then
    redis.call('SET', key, redis.call('GETRANGE', key, -kept, -1))
  end
end

for _, field in ipairs(removed) do redis.call('HDEL', base .. 'voted', field) end
for _, vote in ipairs(added) do redis.call('HSET', base .. 'voted', vote[1], vote[2]) end

for _, account in ipairs(accounts) do redis.call('HSET', base .. 'accounts', account[1], account[2]) end

local before = '(' .. closed_until
for _, minute in ipairs(redis.call('ZRANGEBYSCORE', base .. 'minutes', '-inf', before)) do
  redis.call('UNLINK', base .. 'm:' .. minute)
end
redis.call('ZREMRANGEBYSCORE', base .. 'minutes', '-inf', before)
return 1
