-- Stands in front of every script. Names and invariants: ../protocol.md and ../state-machine.md.
-- ARGV[1] is the namespace; time is the server's, in microseconds.
local P = ARGV[1] .. ':'
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local GROUP = 'workers'

local function num(value) return tonumber(value) or 0 end
local function whole(number) return string.format('%.0f', number) end
local function key(kind, pool, run, slide) return P .. kind .. ':' .. pool .. ':' .. run .. ':' .. slide end

-- State and class of a run, read once a script. A run that nobody submitted is running and of class 1.
local known = {}
local function run_of(run)
  local r = known[run]
  if not r then
    local f = redis.call('HMGET', P .. 'run:' .. run, 'state', 'class', 'pool')
    r = { paused = f[1] == 'paused', state = f[1] or 'running', class = f[2] or '1', pool = f[3] or 'default' }
    known[run] = r
  end
  return r
end

-- Counts messages that wait: per run always, in the pool's backlog unless the run is paused.
local function count(pool, run, change)
  if change == 0 then return end
  redis.call('HINCRBY', P .. 'run:' .. run, 'waiting:' .. pool, change)
  if run_of(run).paused then return end
  local backlog = P .. 'backlog:' .. pool
  if change < 0 then
    redis.call('LPOP', backlog, -change)
  else
    local length
    for _ = 1, change do length = redis.call('RPUSH', backlog, '1') end
    if length == change or run_of(run).class == '0' then redis.call('PUBLISH', P .. 'wake', pool) end
  end
end

-- A lane with something to claim stands among its run's lanes, and the run in its ring.
local function ready(pool, run, slide)
  local m = redis.call('HMGET', key('mail', pool, run, slide), 'waiting', 'busy', 'serial')
  if num(m[1]) > 0 and not (m[3] == '1' and m[2] == '1') then
    redis.call('ZADD', P .. 'lanes:' .. pool .. ':' .. run, 'NX', whole(now), slide)
    local r = run_of(run)
    if not r.paused then redis.call('ZADD', P .. 'ring:' .. pool .. ':' .. r.class, 'NX', whole(now), run) end
  end
end

local function post(pool, run, slide, serial, body, trace, attempt, deaths, losses)
  local lane = key('lane', pool, run, slide)
  local mail = key('mail', pool, run, slide)
  if redis.call('EXISTS', mail) == 0 then
    redis.call('DEL', lane)
    redis.call('XGROUP', 'CREATE', lane, GROUP, '0', 'MKSTREAM')
    redis.call('HSET', mail, 'serial', serial, 'waiting', '0')
  end
  local id = redis.call('XADD', lane, '*', 'b', body, 't', trace)
  if attempt > 0 then redis.call('HSET', mail, 'a:' .. id, attempt) end
  if deaths > 0 then redis.call('HSET', mail, 'd:' .. id, deaths) end
  if losses > 0 then redis.call('HSET', mail, 'l:' .. id, losses) end
  redis.call('HINCRBY', mail, 'waiting', 1)
  count(pool, run, 1)
  ready(pool, run, slide)
end

-- Whether the claim is still its holder's: its epoch is the entry's latest, or that of the second run of a straggler.
local function own(pool, run, slide, id, epoch)
  local e = redis.call('HMGET', key('mail', pool, run, slide), 'e:' .. id, 'f:' .. id)
  return (e[1] and e[1] == epoch) or (e[2] and e[2] == epoch) or false
end

-- The claim that a handler speaks under: five arguments from `first`, the pool empty for a caller that holds none.
local function guarded(first)
  return ARGV[first] == '' or own(ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3], ARGV[first + 4])
end

local function unhold(pool, run, slide, id, mail)
  local member = run .. ' ' .. slide
  if num(redis.call('ZINCRBY', P .. 'held:' .. pool, -1, member)) <= 0 then redis.call('ZREM', P .. 'held:' .. pool, member) end
  redis.call('ZREM', P .. 'started:' .. pool, member .. ' ' .. id)
  if redis.call('HGET', mail, 'x:' .. id) ~= '1' then redis.call('HDEL', mail, 'busy') end
end

-- The entry is dealt with: it leaves the stream and the pending list. A lane that is empty leaves no trace.
local function drop(pool, run, slide, id)
  local lane = key('lane', pool, run, slide)
  local mail = key('mail', pool, run, slide)
  redis.call('XACK', lane, GROUP, id)
  redis.call('XDEL', lane, id)
  unhold(pool, run, slide, id, mail)
  redis.call('HDEL', mail, 'e:' .. id, 'f:' .. id, 'n:' .. id, 's:' .. id, 'a:' .. id, 'd:' .. id, 'l:' .. id, 'x:' .. id)
  if redis.call('XLEN', lane) == 0 then
    redis.call('DEL', lane, mail, key('back', pool, run, slide))
  else
    ready(pool, run, slide)
  end
end

-- The entry waits again, in front of those that were never claimed, and its lane in front of its run's others. The old epoch is void.
local function give_back(pool, run, slide, id)
  local mail = key('mail', pool, run, slide)
  unhold(pool, run, slide, id, mail)
  redis.call('HDEL', mail, 'e:' .. id, 'f:' .. id, 'n:' .. id, 's:' .. id, 'x:' .. id)
  redis.call('RPUSH', key('back', pool, run, slide), id)
  redis.call('HINCRBY', mail, 'waiting', 1)
  count(pool, run, 1)
  ready(pool, run, slide)
  redis.call('ZADD', P .. 'lanes:' .. pool .. ':' .. run, 'XX', '0', slide)
end

-- Everything of a lane goes: what waits is not claimed any more, and claims that are held become void.
local function purge(pool, run, slide)
  local mail = key('mail', pool, run, slide)
  count(pool, run, -num(redis.call('HGET', mail, 'waiting')))
  redis.call('DEL', mail, key('lane', pool, run, slide), key('back', pool, run, slide))
  redis.call('ZREM', P .. 'held:' .. pool, run .. ' ' .. slide)
  redis.call('ZREM', P .. 'lanes:' .. pool .. ':' .. run, slide)
end

-- Shards of a set that did not bring its slide to an end count no more: they are counted in the set that follows.
local function forget(run, slide, ended)
  purge(run_of(run).pool, run, slide)
  local had = P .. 'had:' .. run .. ':' .. slide
  if ended then
    redis.call('DEL', had)
  else
    local counted = #redis.call('SDIFF', P .. 'have:' .. run .. ':' .. slide, had)
    if counted > 0 then redis.call('HINCRBY', P .. 'run:' .. run, 'shards', -counted) end
  end
  redis.call('DEL', P .. 'set:' .. run .. ':' .. slide, P .. 'have:' .. run .. ':' .. slide)
end

-- Rows that a slide's times may have: stages by streams, of which there are a few dozen.
local MOST_TIMES = 256

-- Times of a message that counts, summed by stage and stream of its slide: from argument `first` on stage, stream, µs, tiles or nothing.
local function book(run, slide, first)
  if not ARGV[first] or redis.call('HEXISTS', P .. 'run:' .. run, 'total') == 0 then return end
  local times = P .. 'times:' .. run
  local text = redis.call('HGET', times, slide)
  local sums, rows = text and cjson.decode(text) or {}, 0
  for _ in pairs(sums) do rows = rows + 1 end
  for i = first, #ARGV - 3, 4 do
    local row = ARGV[i] .. ' ' .. ARGV[i + 1]
    local sum = sums[row]
    if not sum and rows < MOST_TIMES then
      sum, rows = { 0 }, rows + 1
      sums[row] = sum
    end
    if sum then
      sum[1] = sum[1] + num(ARGV[i + 2])
      if ARGV[i + 3] ~= '' then sum[2] = (sum[2] or 0) + num(ARGV[i + 3]) end
    end
  end
  redis.call('HSET', times, slide, cjson.encode(sums))
end

-- One shard of a set is there; the last one tells the actor that waits for them. Answers whether the shard counts now and did not before.
local function settle(run, slide, shard)
  local set = P .. 'set:' .. run .. ':' .. slide
  local s = redis.call('HMGET', set, 'want', 'pool', 'body', 'trace')
  if not s[1] or redis.call('SADD', P .. 'have:' .. run .. ':' .. slide, shard) == 0 then return false end
  local new = redis.call('SISMEMBER', P .. 'had:' .. run .. ':' .. slide, shard) == 0
  if new then redis.call('HINCRBY', P .. 'run:' .. run, 'shards', 1) end
  if redis.call('HINCRBY', set, 'have', 1) == num(s[1]) then post(s[2], run, slide, '1', s[3], s[4], 0, 0, 0) end
  return new
end

local function message(kind, slide) return '{"$type":"' .. kind .. '","slide":"' .. slide .. '"}' end

-- Slides of a run are let in one by one, so that plans and half-finished shards stay bounded.
local function admit(run)
  local name = P .. 'run:' .. run
  local r = redis.call('HMGET', name, 'state', 'inflight', 'window', 'trace')
  local inside = num(r[2])
  while r[1] == 'running' and inside < num(r[3]) do
    local slide = redis.call('LPOP', P .. 'todo:' .. run)
    if not slide then break end
    inside = redis.call('HINCRBY', name, 'inflight', 1)
    redis.call('HSET', P .. 'slides:' .. run, slide, 'waiting')
    post('coordinator', run, slide, '1', message('plan', slide), r[4] or '', 0, 0, 0)
  end
end

local ENDED = { done = true, failed = true, quarantined = true }

local function close_when_ended(run)
  local r = redis.call('HMGET', P .. 'run:' .. run, 'ended', 'total', 'trace')
  if num(r[1]) >= num(r[2]) then post('aggregator', run, '.run', '1', message('finish', '.run'), r[3] or '', 0, 0, 0) end
end

-- A slide has ended, however. Told twice, it counts once.
local function slide_end(run, slide, state, resumed)
  local name = P .. 'run:' .. run
  if ENDED[redis.call('HGET', P .. 'slides:' .. run, slide) or ''] then return 'already' end
  redis.call('HSET', P .. 'slides:' .. run, slide, state)
  redis.call('HINCRBY', name, 'ended', 1)
  redis.call('HINCRBY', name, state, 1)
  if resumed == '1' then redis.call('HINCRBY', name, 'resumed', 1) end
  redis.call('HINCRBY', name, 'inflight', -1)
  forget(run, slide, true)
  -- Whoever else speaks for the slide is late: a coordinator that still hands out shards, a second failure.
  purge('coordinator', run, slide)
  purge('aggregator', run, slide)
  admit(run)
  close_when_ended(run)
  return 'ok'
end
