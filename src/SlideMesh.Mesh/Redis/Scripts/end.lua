-- run, slide, state, resumed, claim ×5, times … → ok | already | stale. The message and the slide end together.
if not own(ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]) then return 'stale' end
drop(ARGV[6], ARGV[7], ARGV[8], ARGV[9])
local answer = slide_end(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
if answer == 'ok' then book(ARGV[2], ARGV[3], 11) end
return answer
