-- Sets money aside on one day. KEYS[1] the day's key base; ARGV: reservation id, micro-units, the day's budget in
-- micro-units, seconds that the day's keys live. Returns 1, or 0 where the budget would be exceeded.
local sums, open = KEYS[1] .. 'sums', KEYS[1] .. 'open'
if redis.call('HEXISTS', open, ARGV[1]) == 1 then return 1 end
local spent = tonumber(redis.call('HGET', sums, 'spent') or '0')
if spent + tonumber(ARGV[2]) > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', open, ARGV[1], ARGV[2])
redis.call('HINCRBY', sums, 'spent', ARGV[2])
redis.call('EXPIRE', open, ARGV[4])
redis.call('EXPIRE', sums, ARGV[4])
return 1
