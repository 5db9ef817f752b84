-- What trim does, where the drain says what the entries that it committed come to: Redis need not read them again.
-- Only as long as its first entry is the stream's first: then none of them was counted before, and none is missing.
-- KEYS {s}:g:events   ARGV first_id after_last_id order_prefix entries (order micros)+
-- -> how many entries left, -1 where trim has to look
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first or first[1] ~= ARGV[1] then return -1 end
for i = 5, #ARGV, 2 do
  local key = ARGV[3] .. ARGV[i]
  if redis.call('EXISTS', key) == 1 then redis.call('HINCRBY', key, 'drained', ARGV[i + 1]) end
end
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2])
return tonumber(ARGV[4])
