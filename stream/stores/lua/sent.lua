-- Takes confirmed alerts out of the outbox if the token is in force. Returns 1, or 0 for an old token.
-- KEYS[1] the shard's key base; ARGV: token, ids as msgpack.
if redis.call('HGET', KEYS[1] .. 'state', 'token') ~= ARGV[1] then return 0 end
for _, id in ipairs(cmsgpack.unpack(ARGV[2])) do
  redis.call('HDEL', KEYS[1] .. 'outbox', id)
  redis.call('ZREM', KEYS[1] .. 'outbox:order', id)
end
return 1
