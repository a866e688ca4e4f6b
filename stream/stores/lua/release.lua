-- Gives the lease back if the owner has it. KEYS[1] the shard's key base; ARGV[1] the owner.
if redis.call('GET', KEYS[1] .. 'lease') == ARGV[1] then redis.call('DEL', KEYS[1] .. 'lease') end
