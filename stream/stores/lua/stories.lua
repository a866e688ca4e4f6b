-- Gives posts their place in stories, by the rules of stream/stories.py and in the order of memory_stories.py.
-- KEYS[1] the key base; ARGV: the rules as redis_stories.py packs them, seconds that keys live, posts as msgpack
-- [[id, received_ms, story it would begin, entities, family, keys, sketch, facts]...].
-- Returns "<story>:<novelty in thousandths>:<size>" for each post in order.
local base, ttl_s = KEYS[1], ARGV[2]
local memory_ms, looked_at, kept_by_key, full, short_below, soon_ms, short, unsure, supported, soon, later, known,
  new_wording = unpack(cmsgpack.unpack(ARGV[1]))
local ID = 16 -- characters

local function within(mine, theirs)
  local other = {}
  for _, value in ipairs(theirs) do other[value] = true end
  for _, value in ipairs(mine) do
    if not other[value] then return false end
  end
  return true
end

local function meet(mine, theirs)
  for _, value in ipairs(mine) do
    for _, other in ipairs(theirs) do
      if value == other then return true end
    end
  end
  return false
end

local function differ(mine, theirs)
  return not (within(mine, theirs) or within(theirs, mine))
end

-- common, mine, theirs: parts of two sorted sketches in the range that both know whole
local function overlap(mine, theirs)
  local to = 4294967296
  if #mine == full then to = mine[full] end
  if #theirs == full and theirs[full] < to then to = theirs[full] end
  local common, i, j = 0, 1, 1
  local a, b = mine[1], theirs[1]
  while a and b and a <= to and b <= to do
    if a == b then
      common, i, j = common + 1, i + 1, j + 1
      a, b = mine[i], theirs[j]
    elseif a < b then
      i = i + 1
      a = mine[i]
    else
      j = j + 1
      b = theirs[j]
    end
  end
  while a and a <= to do
    i = i + 1
    a = mine[i]
  end
  while b and b <= to do
    j = j + 1
    b = theirs[j]
  end
  return common, i - 1, j - 1
end

local function alike_needed(shorter, since_ms, is_supported, is_unsure)
  if shorter < short_below then return short end
  if is_unsure then return unsure end
  if since_ms <= soon_ms then return is_supported and supported or soon end
  return is_supported and soon or later
end

local function novelty(since_ms, common, mine)
  for _, window in ipairs(known) do
    if since_ms <= window[1] then
      return window[2] + math.floor(new_wording * (mine - common) / math.max(mine, 1))
    end
  end
end

-- Stories that share a key: those that share most first, then as the keys name them.
local function candidates(lists)
  local shared, order = {}, {}
  for _, list in ipairs(lists) do
    for at = 1, list and #list or 0, ID do
      local story = string.sub(list, at, at + ID - 1)
      if not shared[story] then
        order[#order + 1] = story
        shared[story] = {0, #order}
      end
      shared[story][1] = shared[story][1] + 1
    end
  end
  table.sort(order, function(a, b)
    local x, y = shared[a], shared[b]
    if x[1] ~= y[1] then return x[1] > y[1] end
    return x[2] < y[2]
  end)
  return order
end

-- A story told: {last_ms, members, family, entities, facts, sketch packed once more, for it is seldom looked at}.
-- Common parts of the two, parts of both together and parts of the post, if it is one story.
local function alike(post, told)
  if differ(post.entities, told[4]) or differ(post.facts, told[5]) then return end
  local one_house = post.family ~= '' and post.family == told[3]
  local is_supported = one_house or (meet(post.entities, told[4]) and meet(post.facts, told[5]))
  local is_unsure = (#post.entities == 0) ~= (#told[4] == 0)
  local common, mine, theirs = overlap(post.sketch, cmsgpack.unpack(told[6]))
  local shorter, both = math.min(mine, theirs), mine + theirs - common
  local needed = alike_needed(shorter, post.received - told[1], is_supported, is_unsure)
  if common * 100 >= needed[1] * shorter and common * 100 >= needed[2] * both then return common, both, mine end
end

-- The story that the post retells, how new it is, and the story's record with the post in it.
local function retold(lists, post)
  local looked, best, best_told, best_common, best_both, best_mine = 0, nil, nil, 0, 1, 0
  for _, story in ipairs(candidates(lists)) do
    local packed = redis.call('GET', base .. 's:' .. story)
    local told = packed and cmsgpack.unpack(packed)
    if told and post.received - told[1] <= memory_ms then
      local common, both, mine = alike(post, told)
      if common and (not best or common * best_both > best_common * both) then
        best, best_told, best_common, best_both, best_mine = story, told, common, both, mine
      end
      looked = looked + 1
      if looked == looked_at or (best and best_common == best_both) then break end
    end
  end
  if not best then return end
  local new = novelty(post.received - best_told[1], best_common, best_mine)
  best_told[1], best_told[2] = math.max(best_told[1], post.received), best_told[2] + 1
  if #best_told[4] == 0 then best_told[4] = post.entities end
  if #best_told[5] == 0 then best_told[5] = post.facts end
  return best, new, best_told
end

local function remember(keys, lists, story)
  for at, key in ipairs(keys) do
    local list = lists[at]
    if list and string.sub(list, 1, ID) ~= story then
      local kept = {story}
      for from = 1, #list, ID do
        local other = string.sub(list, from, from + ID - 1)
        if other ~= story and #kept < kept_by_key then kept[#kept + 1] = other end
      end
      list = table.concat(kept)
    end
    redis.call('SET', key, list or story, 'EX', ttl_s)
  end
end

local function decide(post)
  local keys = {}
  for at, key in ipairs(post.keys) do keys[at] = base .. 'k:' .. key end
  local lists = redis.call('MGET', unpack(keys))
  local story, new, told = retold(lists, post)
  if not story then
    story, new = post.own, 1000
    told = {post.received, 1, post.family, post.entities, post.facts, cmsgpack.pack(post.sketch)}
  end
  redis.call('SET', base .. 's:' .. story, cmsgpack.pack(told), 'EX', ttl_s)
  remember(keys, lists, story)
  return story .. ':' .. new .. ':' .. told[2]
end

local answers = {}
for at, row in ipairs(cmsgpack.unpack(ARGV[3])) do
  local post = {received = row[2], own = row[3], entities = row[4], family = row[5], keys = row[6], sketch = row[7],
    facts = row[8]}
  local key, answer = base .. 'p:' .. row[1], nil
  local decided = redis.call('GET', key)
  if decided then
    local decided_ms, from = struct.unpack('>d', decided)
    if post.received - decided_ms <= memory_ms then answer = string.sub(decided, from) end
  end
  if not answer then
    answer = decide(post)
    redis.call('SET', key, struct.pack('>d', post.received) .. answer, 'EX', ttl_s)
  end
  answers[at] = answer
end
return answers
