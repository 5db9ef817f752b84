-- An action: once a token and type, and only after its impression. Whether a token of an earlier generation had one
-- is for the drain to know: what was seen may have been lost with the counters.
-- KEYS {s}:gen {s}:seen:day {s}:g:events   ARGV generation token_generation token bit order seen_for_s event
-- -> 1 taken, 0 seen before, -1 another generation, or none, -3 no impression
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local seen = tonumber(redis.call('HGET', KEYS[2], ARGV[3]) or '0')
local bit = tonumber(ARGV[4])
if math.floor(seen / bit) % 2 == 1 then return 0 end
if seen % 2 == 0 and ARGV[2] == ARGV[1] then return -3 end
redis.call('HSET', KEYS[2], ARGV[3], string.format('%.0f', seen + bit))
if seen == 0 then redis.call('EXPIRE', KEYS[2], ARGV[6]) end
redis.call('XADD', KEYS[3], '*', 'o', ARGV[5], 'p', '0', 'e', ARGV[7])
return 1
