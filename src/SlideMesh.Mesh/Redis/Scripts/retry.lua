-- run, mode (failed | all | slide), slide → how many slides are tried again, or -1: no such run
local run, mode = ARGV[2], ARGV[3]
local name = P .. 'run:' .. run
local r = redis.call('HMGET', name, 'total', 'state', 'out')
if not r[1] then return -1 end
local slides = redis.call('HGETALL', P .. 'slides:' .. run)
local again = 0
-- What a cancelled run left pending and nobody asks for is not waited for.
local counts = { done = 0, failed = 0, quarantined = 0, pending = 0 }
for i = 1, #slides, 2 do
  local slide, state = slides[i], slides[i + 1]
  local bad = state == 'failed' or state == 'quarantined'
  if (bad and mode == 'failed') or ((ENDED[state] or state == 'pending') and mode == 'all') or (bad and mode == 'slide' and slide == ARGV[4]) then
    redis.call('HSET', P .. 'slides:' .. run, slide, 'todo')
    redis.call('RPUSH', P .. 'todo:' .. run, slide)
    redis.call('HDEL', P .. 'quarantine', run .. ' ' .. slide)
    redis.call('HDEL', P .. 'times:' .. run, slide)
    again = again + 1
  elseif counts[state] then
    counts[state] = counts[state] + 1
  end
end
if again > 0 then
  redis.call('HSET', name, 'done', counts.done, 'failed', counts.failed, 'quarantined', counts.quarantined, 'resumed', 0,
    'ended', counts.done + counts.failed + counts.quarantined + counts.pending)
  redis.call('HDEL', name, 'closed', 'error')
  if r[2] ~= 'paused' then redis.call('HSET', name, 'state', 'running') end
  redis.call('HSET', P .. 'outs', r[3], run)
  known[run] = nil
  admit(run)
end
return again
