-- Gives a reservation back that was never handed out: its money is left again, for the pacer to release it, and its
-- viewer was not shown the order.
-- KEYS {s}:gen {s}:g:o:order {s}:g:reserved {s}:g:expiry {s}:caps:viewer   ARGV generation token price_micros id
-- -> 1 freed; 0 not reserved (any more); -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('HDEL', KEYS[3], ARGV[2]) == 0 then return 0 end
redis.call('ZREM', KEYS[4], ARGV[2])
redis.call('HINCRBY', KEYS[2], 'reserved', '-' .. ARGV[3])
if tonumber(redis.call('HGET', KEYS[5], ARGV[4]) or '0') > 0 then redis.call('HINCRBY', KEYS[5], ARGV[4], -1) end
return 1
