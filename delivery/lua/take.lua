-- Events of one shard and one minute of tokens (seen.py), in the order in which they were told, each once a token and type.
-- An impression's reservation becomes a charge under way; a token of an earlier generation has none here: what is held
-- back covers it. An action is taken only after its impression; whether a token of an earlier generation had one is for
-- the drain to know: what was seen may have been lost with the counters. What is taken stands in the stream.
-- KEYS {s}:gen {s}:g:reserved {s}:g:expiry {s}:seen:minute {s}:g:events
-- ARGV generation order_prefix kept_for_s (token_generation token bit price_micros order event)+   bit 1: an impression
-- -> of each: 1 taken, 0 seen before, -2 no reservation (expired, or freed), -3 no impression;
--    -1 for all of them: another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local tokens, seen, reserved = {}, {}, {}
for i = 5, #ARGV, 6 do
  local token = ARGV[i]
  if not seen[token] then tokens[#tokens + 1], seen[token] = token, 0 end
end
local marks_of, holds = redis.call('HMGET', KEYS[4], unpack(tokens)), redis.call('HMGET', KEYS[2], unpack(tokens))
for n, token in ipairs(tokens) do seen[token], reserved[token] = tonumber(marks_of[n] or '0'), holds[n] end

local answers, met, sums, freed, is_fresh = {}, {}, {}, {}, false
local function charge(token, order, price, is_ours)
  local sum = sums[order] or { ours = 0, earlier = 0, charges = 0 }
  local kind = is_ours and 'ours' or 'earlier'
  sum[kind], sum.charges, sums[order] = sum[kind] + price, sum.charges + 1, sum
  if is_ours then freed[#freed + 1] = token end
end

for i = 4, #ARGV, 6 do
  local is_ours, token, bit, order = ARGV[i] == ARGV[1], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 4]
  local answer = 1
  if math.floor(seen[token] / bit) % 2 == 1 then
    answer = 0
  elseif bit == 1 and is_ours and not reserved[token] then
    answer = -2
  elseif bit > 1 and is_ours and seen[token] % 2 == 0 then
    answer = -3
  else
    is_fresh = is_fresh or seen[token] == 0
    seen[token], met[token] = seen[token] + bit, true
    if bit == 1 then charge(token, order, tonumber(ARGV[i + 3]), is_ours) end
    redis.call('XADD', KEYS[5], '*', 'o', order, 'p', bit == 1 and ARGV[i + 3] or '0', 'e', ARGV[i + 5])
  end
  answers[#answers + 1] = answer
end

local marks = {}
for token in pairs(met) do
  marks[#marks + 1] = token
  marks[#marks + 1] = string.format('%.0f', seen[token])
end
if #marks > 0 then
  redis.call('HSET', KEYS[4], unpack(marks))
  if is_fresh then redis.call('EXPIRE', KEYS[4], ARGV[3]) end
end
if #freed > 0 then
  redis.call('HDEL', KEYS[2], unpack(freed))
  redis.call('ZREM', KEYS[3], unpack(freed))
end
for order, sum in pairs(sums) do
  local key = ARGV[2] .. order
  local stood = redis.call('HMGET', key, 'reserved', 'charged', 'charges', 'held')
  for i = 1, 4 do stood[i] = tonumber(stood[i] or '0') end
  local now = { stood[1] - sum.ours, stood[2] + sum.ours + sum.earlier, stood[3] + sum.charges }
  for i = 1, 3 do now[i] = string.format('%.0f', now[i]) end
  redis.call('HSET', key, 'reserved', now[1], 'charged', now[2], 'charges', now[3])
  if sum.earlier > 0 then
    redis.call('HSET', key, 'held', string.format('%.0f', math.max(0, stood[4] - sum.earlier)))
    redis.call('EXPIRE', key, 86400)
  end
end
return answers
