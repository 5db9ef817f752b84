-- Nothing more is released of an order; what was reserved can still be charged.
-- KEYS {s}:gen {s}:g:o:order {s}:g:pace   ARGV generation order
-- -> 1 halted, -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSET', KEYS[2], 'free', '0') end
redis.call('HDEL', KEYS[3], ARGV[2])
return 1
