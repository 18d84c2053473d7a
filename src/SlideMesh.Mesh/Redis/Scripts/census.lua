-- lease (ms), pools … → server time (µs), live nodes, draining nodes, lost nodes, then per pool: waiting, age of the run that waits longest (µs)
local lease = num(ARGV[2]) * 1000
local live, draining, lost = 0, 0, 0
local nodes = redis.call('ZRANGE', P .. 'nodes', 0, -1, 'WITHSCORES')
for i = 1, #nodes, 2 do
  if now - num(nodes[i + 1]) > lease then lost = lost + 1
  elseif redis.call('HGET', P .. 'node:' .. nodes[i], 'state') == 'draining' then draining = draining + 1
  else live = live + 1 end
end
local answer = { whole(now), live, draining, lost }
for i = 3, #ARGV do
  local oldest = now
  for class = 0, 2 do
    local first = redis.call('ZRANGE', P .. 'ring:' .. ARGV[i] .. ':' .. class, 0, 0, 'WITHSCORES')
    if first[2] then oldest = math.min(oldest, num(first[2])) end
  end
  answer[#answer + 1] = redis.call('LLEN', P .. 'backlog:' .. ARGV[i])
  answer[#answer + 1] = whole(now - oldest)
end
return answer
