-- run, class, pool, window, out, trace, created (µs), then per slide: id, state (todo, or how it ended) → ok | exists | busy:<run that writes to the same folder>
local run, out = ARGV[2], ARGV[6]
local name = P .. 'run:' .. run
if redis.call('HEXISTS', name, 'total') == 1 then return 'exists' end
local other = redis.call('HGET', P .. 'outs', out)
if other and other ~= run then return 'busy:' .. other end
redis.call('HSET', P .. 'outs', out, run)
redis.call('HSET', name, 'state', 'running', 'class', ARGV[3], 'pool', ARGV[4], 'window', ARGV[5], 'out', out, 'trace', ARGV[7],
  'created', ARGV[8], 'total', (#ARGV - 8) / 2, 'ended', 0, 'inflight', 0)
redis.call('ZADD', P .. 'runs', ARGV[8], run)
redis.call('SADD', P .. 'pools', ARGV[4])
for i = 9, #ARGV, 2 do
  local slide, state = ARGV[i], ARGV[i + 1]
  redis.call('HSET', P .. 'slides:' .. run, slide, state)
  if state == 'todo' then
    redis.call('RPUSH', P .. 'todo:' .. run, slide)
  else
    redis.call('HINCRBY', name, 'ended', 1)
    if ENDED[state] then redis.call('HINCRBY', name, state, 1) end
  end
end
known[run] = nil
admit(run)
close_when_ended(run)
return 'ok'
