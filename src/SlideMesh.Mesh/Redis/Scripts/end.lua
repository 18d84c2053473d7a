-- run, slide, state, resumed, claim ×5 → ok | already | stale. The message and the slide end together.
if not own(ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]) then return 'stale' end
drop(ARGV[6], ARGV[7], ARGV[8], ARGV[9])
return slide_end(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
