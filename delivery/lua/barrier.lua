-- The last word of an order in its shard's stream: nothing behind it is billed, and nothing more is released.
-- Its pace is taken off the list, and the deciders' log says so.
-- KEYS {s}:gen {s}:g:o:order {s}:g:pace {s}:g:paces {s}:g:events   ARGV generation order no_pace
-- -> 1 appended, -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSET', KEYS[2], 'free', '0') end
if redis.call('HDEL', KEYS[3], ARGV[2]) == 1 then
  local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)[1]
  local next = last and tonumber(string.match(last[1], '^%d+')) + 1 or 1
  redis.call('XADD', KEYS[4], 'MAXLEN', 256, string.format('%.0f-0', next), 'p', ARGV[2] .. ARGV[3])
end
redis.call('XADD', KEYS[5], '*', 'o', ARGV[2], 'p', '0', 'b', '1')
return 1
