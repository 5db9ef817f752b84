-- Adds to counters that only ops and advice look at, and lets them go in time.
-- KEYS {s}:funnel:minute   ARGV kept_for_s (field count)+
-- -> how many fields were added to
for i = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return (#ARGV - 1) / 2
