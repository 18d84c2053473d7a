-- run → ok | unknown | the state that it is in already
local run = ARGV[2]
local name = P .. 'run:' .. run
local state = redis.call('HGET', name, 'state')
if not state or redis.call('HEXISTS', name, 'total') == 0 then return 'unknown' end
if state == 'done' or state == 'cancelled' then return state end
local slides = redis.call('HGETALL', P .. 'slides:' .. run)
for i = 1, #slides, 2 do
  if not ENDED[slides[i + 1]] then
    for _, pool in ipairs({ 'coordinator', 'aggregator' }) do
      if redis.call('EXISTS', key('mail', pool, run, slides[i])) == 1 then purge(pool, run, slides[i]) end
    end
    forget(run, slides[i], false)
    redis.call('HSET', P .. 'slides:' .. run, slides[i], 'pending')
  end
end
redis.call('DEL', P .. 'todo:' .. run)
redis.call('HSET', name, 'state', 'cancelled', 'inflight', 0)
known[run] = nil
post('aggregator', run, '.run', '1', message('finish', '.run'), '', 0, 0, 0)
return 'ok'
