-- What PostgreSQL has committed leaves the stream, and is no longer under way. Each entry is counted as it leaves,
-- hence once, whoever trims and however often.
-- KEYS {s}:g:events   ARGV last_id after_last_id order_prefix most
-- -> how many entries left
local entries = redis.call('XRANGE', KEYS[1], '-', ARGV[1], 'COUNT', ARGV[4])
local sums = {}
for _, entry in ipairs(entries) do
  local order, price
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'o' then order = entry[2][i + 1] elseif entry[2][i] == 'p' then price = entry[2][i + 1] end
  end
  local micros = tonumber(price)
  if order and micros and micros > 0 then sums[order] = (sums[order] or 0) + micros end
end
for order, micros in pairs(sums) do
  local key = ARGV[3] .. order
  if redis.call('EXISTS', key) == 1 then redis.call('HINCRBY', key, 'drained', string.format('%.0f', micros)) end
end
if #entries < tonumber(ARGV[4]) then
  redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2])
elseif #entries > 0 then
  redis.call('XTRIM', KEYS[1], 'MAXLEN', redis.call('XLEN', KEYS[1]) - #entries)
end
return #entries
