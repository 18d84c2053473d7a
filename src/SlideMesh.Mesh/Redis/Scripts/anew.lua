-- run, slide, claim ×5 → ok | stale. What the slide's set made is of no use (an aggregator found no plan beside it): its slide is planned anew.
local run, slide = ARGV[2], ARGV[3]
if not own(ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]) then return 'stale' end
drop(ARGV[4], ARGV[5], ARGV[6], ARGV[7])
-- Its shards stay counted, and are not counted again: the slide may turn out to be published already, and then hands out none.
local had = P .. 'had:' .. run .. ':' .. slide
redis.call('SUNIONSTORE', had, had, P .. 'have:' .. run .. ':' .. slide)
forget(run, slide, false)
post('coordinator', run, slide, '1', message('plan', slide), '', 0, 0, 0)
return 'ok'
