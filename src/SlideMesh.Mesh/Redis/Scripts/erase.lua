-- run, least age of its end (µs) → ok | kept | unknown. A run that ended that long ago leaves Redis as a whole; one that may go on never does.
local run = ARGV[2]
local name = P .. 'run:' .. run
local r = redis.call('HMGET', name, 'state', 'closed', 'out', 'total')
if not r[4] then return 'unknown' end
-- Not closed: running, paused, tried again, or cancelled with its tables still to be written.
if not r[2] or (r[1] ~= 'done' and r[1] ~= 'cancelled') or now - num(r[2]) < num(ARGV[3]) then return 'kept' end
-- Its last message may have been posted twice.
if redis.call('EXISTS', key('mail', 'aggregator', run, '.run')) == 1 then return 'kept' end
local slides = redis.call('HGETALL', P .. 'slides:' .. run)
for i = 1, #slides, 2 do
  if not ENDED[slides[i + 1]] then redis.call('UNLINK', P .. 'had:' .. run .. ':' .. slides[i]) end
end
for _, member in ipairs(redis.call('HKEYS', P .. 'quarantine')) do
  if string.sub(member, 1, #run + 1) == run .. ' ' then redis.call('HDEL', P .. 'quarantine', member) end
end
redis.call('UNLINK', name, P .. 'slides:' .. run, P .. 'todo:' .. run, P .. 'times:' .. run)
redis.call('ZREM', P .. 'runs', run)
if redis.call('HGET', P .. 'outs', r[3]) == run then redis.call('HDEL', P .. 'outs', r[3]) end
return 'ok'
