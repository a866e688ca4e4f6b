-- Raises the progress of partitions, never lowers it. KEYS[1] a hash; ARGV[1] msgpack [[partition, before_ms]...].
for _, mark in ipairs(cmsgpack.unpack(ARGV[1])) do
  local known = redis.call('HGET', KEYS[1], mark[1])
  if not known or tonumber(known) < mark[2] then
    redis.call('HSET', KEYS[1], mark[1], string.format('%.0f', mark[2]))
  end
end
