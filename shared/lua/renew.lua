--[[
  Extends a lease, if it is still the caller's.

  KEYS[1]  the job's record
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted
  ARGV[1]  fencing token of the claim
  ARGV[2]  lease, milliseconds
  ARGV[3]  seconds the record is kept

  Returns 1 renewed, 0 somebody else's now (or settled), -1 no record (Redis was wiped)
]]
local record = KEYS[1]
local held = redis.call('HMGET', record, 'token', 'state')
if not held[1] then return -1 end
if held[1] ~= ARGV[1] or held[2] ~= 'running' then return 0 end
local now = now_ms()
pay_debt(record, KEYS[2], now)
redis.call('HSET', record, 'lease_until', now + tonumber(ARGV[2]), 'updated', now)
redis.call('EXPIRE', record, tonumber(ARGV[3]))
return 1
