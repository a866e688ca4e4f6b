-- Takes or renews the lease of a shard. KEYS[1] the shard's key base; ARGV: owner, milliseconds to live, now_ms.
-- Returns the fencing token as text, or nothing where another holds the shard. The token starts from the clock, so
-- that a flushed server cannot hand out an old one.
local lease, state = KEYS[1] .. 'lease', KEYS[1] .. 'state'
local owner = redis.call('GET', lease)
if owner and owner ~= ARGV[1] then return false end
redis.call('SET', lease, ARGV[1], 'PX', ARGV[2])
local token = tonumber(redis.call('HGET', state, 'token') or '')
if not owner or not token then
  token = math.max((token or 0) + 1, tonumber(ARGV[3]))
  redis.call('HSET', state, 'token', string.format('%.0f', token))
end
return string.format('%.0f', token)
