-- run → ok | unknown | the state that it is in
local run = ARGV[2]
local name = P .. 'run:' .. run
local state = redis.call('HGET', name, 'state')
if state ~= 'paused' then return state or 'unknown' end
redis.call('HSET', name, 'state', 'running')
known[run] = nil
for _, pool in ipairs({ 'coordinator', 'aggregator', run_of(run).pool }) do
  for _ = 1, num(redis.call('HGET', name, 'waiting:' .. pool)) do redis.call('RPUSH', P .. 'backlog:' .. pool, '1') end
  if redis.call('EXISTS', P .. 'lanes:' .. pool .. ':' .. run) == 1 then
    redis.call('ZADD', P .. 'ring:' .. pool .. ':' .. run_of(run).class, 'NX', whole(now), run)
  end
  redis.call('PUBLISH', P .. 'wake', pool)
end
admit(run)
return 'ok'
