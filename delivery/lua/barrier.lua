-- The last word of an order in its shard's stream: nothing behind it is billed, and nothing more is released.
-- KEYS {s}:gen {s}:g:o:order {s}:g:pace {s}:g:events   ARGV generation order
-- -> 1 appended, -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSET', KEYS[2], 'free', '0') end
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('XADD', KEYS[4], '*', 'o', ARGV[2], 'p', '0', 'b', '1')
return 1
