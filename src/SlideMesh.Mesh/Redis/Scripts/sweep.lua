-- pool, lease (ms), deaths that quarantine, losses that do, offset into the lanes with claims
-- → next offset (0: begin again), messages taken over, messages quarantined
local pool, lease, most, mostLost, offset = ARGV[2], num(ARGV[3]), num(ARGV[4]), num(ARGV[5]), num(ARGV[6])

-- After a pause in which nobody swept, Redis itself was away (or all nodes were): heartbeats could not come either, and get a lease's time to do so.
local silence = now - num(redis.call('GETSET', P .. 'swept:' .. pool, whole(now)))
if silence > lease * 500 then redis.call('SET', P .. 'awake:' .. pool, whole(now)) end
if now - num(redis.call('GET', P .. 'awake:' .. pool)) < lease * 1000 then return { offset, 0, 0 } end

local members = redis.call('ZRANGE', P .. 'held:' .. pool, offset, offset + 199)
local taken, quarantined = 0, 0

local function quarantine(run, slide, id, deaths, losses)
  local entry = redis.call('XRANGE', key('lane', pool, run, slide), id, id)[1]
  local member = run .. ' ' .. slide
  redis.call('HSET', P .. 'quarantine', member, cjson.encode({
    pool = pool, run = run, slide = slide, deaths = deaths, losses = losses, at = whole(now), body = entry and entry[2][2] or '' }))
  quarantined = quarantined + 1
  drop(pool, run, slide, id)
  if pool == 'aggregator' and entry and string.find(entry[2][2], '"$type":"fail"', 1, true) then
    -- Even the burial kills: the slide is counted out without files.
    slide_end(run, slide, 'quarantined', '0')
  else
    post('aggregator', run, slide, '1', cjson.encode({
      ['$type'] = 'fail', slide = slide, reason = 'quarantined',
      detail = (deaths >= most and deaths .. ' nodes crashed' or losses .. ' nodes were lost') .. ' while they held this slide (' .. pool
        .. '); look at it, then: slidemesh quarantine release ' .. slide }), '', 0, 0, 0)
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
        local seen = redis.call('ZSCORE', P .. 'lives', m[2] or '')
        if not (seen and now - num(seen) < lease * 1000) then
          -- A holder that crashed under its parent's eyes may have died of the message. One that vanished whole says nothing against it.
          redis.call('HINCRBY', mail, (redis.call('ZSCORE', P .. 'crashed', m[2] or '') and 'd:' or 'l:') .. id, 1)
        end
        local c = redis.call('HMGET', mail, 'd:' .. id, 'l:' .. id)
        taken = taken + 1
        if num(c[1]) >= most or num(c[2]) >= mostLost then quarantine(run, slide, id, num(c[1]), num(c[2])) else give_back(pool, run, slide, id) end
      end
    end
  end
end
return { #members < 200 and 0 or offset + 200, taken, quarantined }
