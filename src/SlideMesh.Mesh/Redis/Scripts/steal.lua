-- pool, holder, least age (µs) → as claim, at most one: the longest-running message of another node, to be run a second time
local pool, holder, least = ARGV[2], ARGV[3], num(ARGV[4])
least = math.max(least, 4 * num(redis.call('HGET', P .. 'pool:' .. pool, 'mean')))
local oldest = redis.call('ZRANGE', P .. 'started:' .. pool, 0, 7, 'WITHSCORES')
for i = 1, #oldest, 2 do
  if now - num(oldest[i + 1]) < least then break end
  local run, slide, id = string.match(oldest[i], '^(%S+) (%S+) (%S+)$')
  local mail = key('mail', pool, run, slide)
  local m = redis.call('HMGET', mail, 'e:' .. id, 'f:' .. id, 'n:' .. id, 'a:' .. id, 'd:' .. id, 'x:' .. id)
  if not m[1] then
    redis.call('ZREM', P .. 'started:' .. pool, oldest[i])
  elseif not m[2] and m[3] ~= holder and not m[6] and not run_of(run).paused then
    local entry = redis.call('XRANGE', key('lane', pool, run, slide), id, id)[1]
    if entry then
      local epoch = whole(redis.call('INCR', P .. 'epoch'))
      redis.call('HSET', mail, 'f:' .. id, epoch)
      return { { run, slide, id, epoch, m[4] or '0', m[5] or '0', entry[2][2], entry[2][4] } }
    end
  end
end
return {}
