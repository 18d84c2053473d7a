-- pool, lease (ms), deaths that quarantine, offset into the lanes with claims
-- → next offset (0: begin again), messages taken over, messages quarantined
local pool, lease, most, offset = ARGV[2], num(ARGV[3]), num(ARGV[4]), num(ARGV[5])

-- After a pause in which nobody swept, Redis itself was away (or all nodes were): heartbeats could not come either, and get a lease's time to do so.
local silence = now - num(redis.call('GETSET', P .. 'swept:' .. pool, whole(now)))
if silence > lease * 500 then redis.call('SET', P .. 'awake:' .. pool, whole(now)) end
if now - num(redis.call('GET', P .. 'awake:' .. pool)) < lease * 1000 then return { offset, 0, 0 } end

local members = redis.call('ZRANGE', P .. 'held:' .. pool, offset, offset + 199)
local taken, quarantined = 0, 0

local function quarantine(run, slide, id)
  local entry = redis.call('XRANGE', key('lane', pool, run, slide), id, id)[1]
  local member = run .. ' ' .. slide
  redis.call('HSET', P .. 'quarantine', member, cjson.encode({
    pool = pool, run = run, slide = slide, deaths = most, at = whole(now), body = entry and entry[2][2] or '' }))
  quarantined = quarantined + 1
  drop(pool, run, slide, id)
  if pool == 'aggregator' and entry and string.find(entry[2][2], '"$type":"fail"', 1, true) then
    -- Even the burial kills: the slide is counted out without files.
    slide_end(run, slide, 'quarantined', '0')
  else
    post('aggregator', run, slide, '1', cjson.encode({
      ['$type'] = 'fail', slide = slide, reason = 'quarantined',
      detail = most .. ' workers died while they held this slide (' .. pool .. '); look at it, then: slidemesh quarantine release ' .. slide }), '', 0, 0)
  end
end

for _, member in ipairs(members) do
  local run, slide = string.match(member, '^(%S+) (%S+)$')
  local lane = key('lane', pool, run, slide)
  local mail = key('mail', pool, run, slide)
  if redis.call('EXISTS', mail) == 0 then
    redis.call('ZREM', P .. 'held:' .. pool, member)
  else
    for _, id in ipairs(redis.call('XAUTOCLAIM', lane, GROUP, 'nobody', lease, '0-0', 'COUNT', 100, 'JUSTID')[2]) do
      local m = redis.call('HMGET', mail, 'e:' .. id, 'n:' .. id)
      if m[1] then
        -- A holder that lives has never got to know of this claim: the reply was lost. That is no death.
        local seen = redis.call('ZSCORE', P .. 'nodes', m[2] or '')
        local lives = seen and now - num(seen) < lease * 1000
        local deaths = lives and 0 or redis.call('HINCRBY', mail, 'd:' .. id, 1)
        taken = taken + 1
        if deaths >= most then quarantine(run, slide, id) else give_back(pool, run, slide, id) end
      end
    end
  end
end
return { #members < 200 and 0 or offset + 200, taken, quarantined }
