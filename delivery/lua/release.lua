-- What the pacer grants: released and unspent together never exceed `most`, nor what the escrow has left.
-- `left` was read after `drained`: what was charged here since is taken from it, so that it is never counted twice.
-- `held`: what tokens of a lost generation may still cost; '' keeps what stands here. An older pacer that wakes up
-- late is refused by its epoch.
-- Paces are kept by order, and told in a log: entries n-0 without a gap, the last 256, each some (order, pace) of fixed
-- width. An empty pace takes the order off the list, which the log tells as `no_pace`.
-- KEYS {s}:gen {s}:g:pacer {s}:g:pace {s}:g:paces
-- ARGV generation epoch order_prefix no_pace (order most left drained held pace)+
-- -> how many orders were granted; -1 another generation, or none, -2 a later pacer was here
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if tonumber(redis.call('GET', KEYS[2]) or '0') > tonumber(ARGV[2]) then return -2 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', 86400)
local done, told = 0, {}
for i = 5, #ARGV, 6 do
  local order = ARGV[3] .. ARGV[i]
  local has = redis.call('HMGET', order, 'reserved', 'charged', 'held')
  local held = ARGV[i + 4]
  if held == '' then held = has[3] or '0' end
  local under_way = tonumber(has[2] or '0') - tonumber(ARGV[i + 3])
  local left = tonumber(ARGV[i + 2]) - under_way - tonumber(held)
  local free = math.max(0, math.min(tonumber(ARGV[i + 1]), left) - tonumber(has[1] or '0'))
  redis.call('HSET', order, 'free', string.format('%.0f', free), 'held', held)
  redis.call('EXPIRE', order, 86400)
  if ARGV[i + 5] == '' then
    redis.call('HDEL', KEYS[3], ARGV[i])
    told[done + 1] = ARGV[i] .. ARGV[4]
  else
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 5])
    told[done + 1] = ARGV[i] .. ARGV[i + 5]
  end
  done = done + 1
end
redis.call('EXPIRE', KEYS[3], 86400)
if done > 0 then
  local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)[1]
  local next = last and tonumber(string.match(last[1], '^%d+')) + 1 or 1
  redis.call('XADD', KEYS[4], 'MAXLEN', 256, string.format('%.0f-0', next), 'p', table.concat(told))
  redis.call('EXPIRE', KEYS[4], 86400)
end
return done
