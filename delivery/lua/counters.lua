-- What stands in the counters of orders.
-- KEYS {s}:gen   ARGV order_prefix order+
-- -> of each its free, reserved, charged, charges, drained, held, and 1 where a pacer wrote what is held, one behind the
-- other; 0 where nothing stands
local figures = {}
for i = 2, #ARGV do
  local found = redis.call('HMGET', ARGV[1] .. ARGV[i], 'free', 'reserved', 'charged', 'charges', 'drained', 'held')
  for j = 1, 6 do figures[#figures + 1] = found[j] or '0' end
  figures[#figures + 1] = found[6] and '1' or '0'
end
return figures
