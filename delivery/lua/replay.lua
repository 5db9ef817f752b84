-- Puts an entry that was set aside back into the stream, behind everything else, as it was.
-- KEYS {s}:gen {s}:g:events   ARGV generation (field value)+
-- -> 1 appended, -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local fields = {}
for i = 2, #ARGV do fields[i - 1] = ARGV[i] end
redis.call('XADD', KEYS[2], '*', unpack(fields))
return 1
