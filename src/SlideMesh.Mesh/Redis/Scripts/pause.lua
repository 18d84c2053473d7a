-- run → ok | unknown | the state that it is in
local run = ARGV[2]
local name = P .. 'run:' .. run
local state = redis.call('HGET', name, 'state')
if state ~= 'running' then return state or 'unknown' end
for _, pool in ipairs({ 'coordinator', 'aggregator', run_of(run).pool }) do
  local waiting = num(redis.call('HGET', name, 'waiting:' .. pool))
  if waiting > 0 then redis.call('LPOP', P .. 'backlog:' .. pool, waiting) end
  redis.call('ZREM', P .. 'ring:' .. pool .. ':' .. run_of(run).class, run)
end
redis.call('HSET', name, 'state', 'paused')
return 'ok'
