-- pool, holder, count, aging (µs a class), then slides that the node has open, as "run slide"
-- → per message: run, slide, id, epoch, attempt, deaths, body, trace
local pool, holder, wanted, aging = ARGV[2], ARGV[3], num(ARGV[4]), num(ARGV[5])

-- The class that is served first, lower by one for each `aging` that its least recently served run has waited: nobody starves.
local function pick()
  local best, ring, least
  for class = 0, 2 do
    local name = P .. 'ring:' .. pool .. ':' .. class
    local first = redis.call('ZRANGE', name, 0, 0, 'WITHSCORES')
    if first[1] then
      local rank = class - (now - num(first[2])) / aging
      if not least or rank < least then best, ring, least = first[1], name, rank end
    end
  end
  return best, ring
end

local function choose(run, lanes)
  -- What came back has waited for a lease already: before the slides that the node has open.
  local returned = redis.call('ZRANGEBYSCORE', lanes, '-inf', '0', 'LIMIT', 0, 1)[1]
  if returned then return returned, false end
  for i = 6, #ARGV do
    if string.sub(ARGV[i], 1, #run + 1) == run .. ' ' then
      local slide = string.sub(ARGV[i], #run + 2)
      if redis.call('ZSCORE', lanes, slide) then return slide, true end
    end
  end
  return redis.call('ZRANGE', lanes, 0, 0)[1], false
end

local function take(lane, back)
  while true do
    local returned = redis.call('LPOP', back)
    if not returned then break end
    local entry = redis.call('XCLAIM', lane, GROUP, holder, 0, returned)[1]
    if entry then return entry end
  end
  local read = redis.call('XREADGROUP', 'GROUP', GROUP, holder, 'COUNT', 1, 'STREAMS', lane, '>')
  return read and read[1][2][1]
end

local claims = {}
local turns = 0
while #claims < wanted and turns < wanted + 64 do
  turns = turns + 1
  local run, ring = pick()
  if not run then break end
  local lanes = P .. 'lanes:' .. pool .. ':' .. run
  local slide, hinted = choose(run, lanes)
  if not slide then
    redis.call('ZREM', ring, run)
  else
    local mail = key('mail', pool, run, slide)
    local back = key('back', pool, run, slide)
    local entry = take(key('lane', pool, run, slide), back)
    if entry then
      local id = entry[1]
      local epoch = redis.call('INCR', P .. 'epoch')
      if epoch == 1 then
        epoch = now
        redis.call('SET', P .. 'epoch', whole(now))
      end
      epoch = whole(epoch)
      local m = redis.call('HMGET', mail, 'serial', 'a:' .. id, 'd:' .. id)
      redis.call('HSET', mail, 'e:' .. id, epoch, 'n:' .. id, holder, 's:' .. id, whole(now))
      local waiting = redis.call('HINCRBY', mail, 'waiting', -1)
      count(pool, run, -1)
      redis.call('ZINCRBY', P .. 'held:' .. pool, 1, run .. ' ' .. slide)
      if m[1] == '1' then redis.call('HSET', mail, 'busy', '1')
      else redis.call('ZADD', P .. 'started:' .. pool, whole(now), run .. ' ' .. slide .. ' ' .. id) end
      if m[1] == '1' or waiting <= 0 then redis.call('ZREM', lanes, slide)
      -- Nodes without a slide of their own spread over the slides.
      elseif not hinted then redis.call('ZADD', lanes, 'XX', redis.call('EXISTS', back) == 1 and '0' or whole(now + turns), slide) end
      claims[#claims + 1] = { run, slide, id, epoch, m[2] or '0', m[3] or '0', entry[2][2], entry[2][4] }
    else
      count(pool, run, -num(redis.call('HGET', mail, 'waiting')))
      redis.call('HSET', mail, 'waiting', '0')
      redis.call('ZREM', lanes, slide)
    end
    if redis.call('EXISTS', lanes) == 0 then redis.call('ZREM', ring, run)
    else redis.call('ZADD', ring, 'XX', whole(now + turns), run) end
  end
end
return claims
