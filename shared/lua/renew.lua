--[[
  Extends a lease, if it is still the caller's.

  KEYS[1]  the job's record
  ARGV[1]  fencing token of the claim
  ARGV[2]  lease, milliseconds
  ARGV[3]  seconds the record is kept

  Returns 1 renewed, 0 somebody else's now (or settled), -1 no record (Redis was wiped)
]]
local record = KEYS[1]
local held = redis.call('HMGET', record, 'token', 'state')
if not held[1] then return -1 end
if held[1] ~= ARGV[1] or held[2] ~= 'running' then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', record, 'lease_until', now + tonumber(ARGV[2]), 'updated', now)
redis.call('EXPIRE', record, tonumber(ARGV[3]))
return 1
