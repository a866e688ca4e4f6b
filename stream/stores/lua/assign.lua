-- Gives posts their place in their stories. KEYS[1] the key base; ARGV: milliseconds a story is remembered (in received
-- time), seconds its keys live, items as msgpack [post, story, received_ms, post...].
-- Returns, for each post in order, its place and story as "<place>:<story>"; place 1 is the first telling.
local base, memory_ms, ttl_s = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local items = cmsgpack.unpack(ARGV[3])

local answers = {}
for at = 1, #items, 3 do
  local post, story, received = base .. 'p:' .. items[at], items[at + 1], items[at + 2]
  local answer
  local decided = redis.call('GET', post)
  if decided then
    local decided_ms, from = struct.unpack('>d', decided)
    if received - decided_ms <= memory_ms then answer = string.sub(decided, from) end
  end
  if not answer then
    local told = redis.call('GET', base .. 's:' .. story)
    local members, last = 0, received
    if told then
      local told_members, told_ms = struct.unpack('>I4d', told)
      if received - told_ms <= memory_ms then members = told_members end
      last = math.max(received, told_ms)
    end
    redis.call('SET', base .. 's:' .. story, struct.pack('>I4d', members + 1, last), 'EX', ttl_s)
    answer = (members + 1) .. ':' .. story
    redis.call('SET', post, struct.pack('>d', received) .. answer, 'EX', ttl_s)
  end
  answers[#answers + 1] = answer
end
return answers
