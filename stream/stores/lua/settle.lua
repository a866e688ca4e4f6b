-- Replaces money set aside by what was paid. KEYS[1] the day's key base; ARGV: reservation id, micro-units paid.
-- Returns 1, or 0 where the reservation is settled already.
local sums, open = KEYS[1] .. 'sums', KEYS[1] .. 'open'
local aside = redis.call('HGET', open, ARGV[1])
if not aside then return 0 end
redis.call('HDEL', open, ARGV[1])
redis.call('HINCRBY', sums, 'spent', string.format('%.0f', tonumber(ARGV[2]) - tonumber(aside)))
return 1
